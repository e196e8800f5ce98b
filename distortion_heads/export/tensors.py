"""Arithmetic that is written down as nodes of an ONNX graph instead of being done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from distortion_heads.backbones.graph_parts import Parts
from distortion_heads.views.units import LUMA_PARTS

Operand: TypeAlias = "Tensor | NDArray[Any] | float"


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of a graph; numbers and arrays beside it become constants of its type."""

    parts: Parts
    name: str
    dtype: np.dtype[Any]

    def op(self, operator: str, *others: Operand, dtype: DTypeLike | None = None, **attributes: Any) -> Tensor:
        """Append a node whose first input is this, and return its (first) output, by default of this type."""
        inputs = [self.alike(other).name for other in others]
        name = self.parts.add(operator, self.name, *inputs, **attributes)
        return Tensor(self.parts, name, self.dtype if dtype is None else np.dtype(dtype))

    def alike(self, other: Operand) -> Tensor:
        """Return `other` if it is a tensor, else the constant of this tensor's type."""
        return other if isinstance(other, Tensor) else constant(self.parts, np.asarray(other, self.dtype))

    def cast(self, dtype: DTypeLike) -> Tensor:
        from onnx import helper

        return self.op("Cast", dtype=dtype, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def take(self, indices: Tensor | NDArray[np.int64] | int, axis: int) -> Tensor:
        """Like `np.take`: a whole number drops the axis."""
        return self.op("Gather", _whole(self.parts, indices), axis=axis)

    def along(self, indices: Tensor, axis: int) -> Tensor:
        """Like `np.take_along_axis`."""
        return self.op("GatherElements", indices, axis=axis)

    def reshape(self, *shape: int) -> Tensor:
        return self.op("Reshape", _whole(self.parts, np.array(shape)))

    def shaped(self, *sides: Tensor | int) -> Tensor:
        """Reshape to sides of which some are known only when the graph runs."""
        return self.op("Reshape", joined([_whole(self.parts, side).reshape(1) for side in sides], 0))

    def with_axis(self, axis: int) -> Tensor:
        """Return the same values with an axis of length 1 more."""
        return self.op("Unsqueeze", _whole(self.parts, np.array([axis])))

    def part(self, axis: int, start: int, stop: int | Tensor, step: int | Tensor = 1) -> Tensor:
        """Return `[start:stop:step]` along an axis."""
        ends = [_whole(self.parts, value).reshape(1) for value in (start, stop, axis, step)]
        return self.op("Slice", *ends)

    def sum(self, axis: int) -> Tensor:
        return self.op("ReduceSum", _whole(self.parts, np.array([axis])), keepdims=0)

    def mean(self, axis: int | None = None) -> Tensor:
        return self.op("ReduceMean", **({} if axis is None else {"axes": [axis]}), keepdims=0)

    def maximum(self, other: Operand) -> Tensor:
        return self.op("Max", other)

    def minimum(self, other: Operand) -> Tensor:
        return self.op("Min", other)

    def length(self, axis: int) -> Tensor:
        """Return the length of an axis, int64 ()."""
        return self.op("Shape", dtype=np.int64).take(axis, 0)

    def range(self) -> Tensor:
        """Return 0, 1 ... up to this whole number, int64."""
        name = self.parts.add("Range", self.alike(0).name, self.name, self.alike(1).name)
        return Tensor(self.parts, name, self.dtype)

    def sorted(self, axis: int) -> Tensor:
        """Return the values in ascending order along an axis."""
        count = self.length(axis).reshape(1)
        name, places = self.parts.add("TopK", self.name, count.name, axis=axis, largest=0), "places"
        self.parts.nodes[-1].output.append(f"{name}_{places}")
        return Tensor(self.parts, name, self.dtype)

    def highest(self, count: int) -> Tensor:
        """Return the places of the `count` highest of values (n,), int64."""
        name, places = self.parts.add("TopK", self.name, constant(self.parts, np.array([count])).name, axis=0), "places"
        self.parts.nodes[-1].output.append(f"{name}_{places}")
        return Tensor(self.parts, f"{name}_{places}", np.dtype(np.int64))

    def __add__(self, other: Operand) -> Tensor:
        return self.op("Add", other)

    def __sub__(self, other: Operand) -> Tensor:
        return self.op("Sub", other)

    def __mul__(self, other: Operand) -> Tensor:
        return self.op("Mul", other)

    def __truediv__(self, other: Operand) -> Tensor:
        """Divide; whole numbers are rounded towards zero."""
        return self.op("Div", other)

    def __rtruediv__(self, other: float) -> Tensor:
        return self.alike(other) / self

    def __rsub__(self, other: float) -> Tensor:
        return self.alike(other) - self

    def __matmul__(self, other: Operand) -> Tensor:
        return self.op("MatMul", other)

    def __lt__(self, other: Tensor | float) -> Tensor:
        return self.op("Less", other, dtype=np.bool_)

    def __gt__(self, other: Tensor | float) -> Tensor:
        return self.op("Greater", other, dtype=np.bool_)

    def __ge__(self, other: Tensor | float) -> Tensor:
        return self.op("GreaterOrEqual", other, dtype=np.bool_)

    def __le__(self, other: Tensor | float) -> Tensor:
        return self.op("LessOrEqual", other, dtype=np.bool_)

    def __and__(self, other: Tensor) -> Tensor:
        return self.op("And", other)

    def __invert__(self) -> Tensor:
        return self.op("Not")


def constant(parts: Parts, value: NDArray[Any]) -> Tensor:
    """Add an array to the graph, once by its content."""
    import hashlib

    from onnx import numpy_helper

    digest = hashlib.sha256(f"{value.dtype.str}{value.shape}".encode() + value.tobytes()).hexdigest()[:16]
    name = parts.constant(numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), f"c{digest}"))
    return Tensor(parts, name, value.dtype)


def where(condition: Tensor, yes: Tensor, no: Operand) -> Tensor:
    """Choose between two values of one type."""
    return condition.op("Where", yes, yes.alike(no), dtype=yes.dtype)


def joined(values: list[Tensor], axis: int) -> Tensor:
    """Concatenate tensors of one type."""
    first, *others = values
    return first.op("Concat", *others, axis=axis) if others else first


def beside(windows: Tensor, picture: Tensor) -> Tensor:
    """Join to each of `windows` (K, n) what is known of the whole `picture` (1, m): (K, n + m)."""
    return joined([windows, windows.part(1, 0, 1) * 0.0 + picture], 1)


def continued(pixels: Tensor, least: int) -> Tensor:
    """`views.planes.continued` of (H, W, 3)."""
    for axis in (0, 1):
        length = pixels.length(axis)
        pixels = pixels.take(length.maximum(least).range().minimum(length - 1), axis)
    return pixels


def luma(pixels: Tensor, axis: int) -> Tensor:
    """Return the luma of whole numbers that hold the channels along their last axis."""
    return (pixels * np.array(LUMA_PARTS)).sum(axis) / sum(LUMA_PARTS)


def counted(places: Tensor, bins: int, amount: Tensor | None = None) -> Tensor:
    """Like `np.bincount` of int64 (n,): how often each place is taken, or the sum of `amount` there."""
    zeros = constant(places.parts, np.zeros(bins, np.int64))
    return zeros.op("ScatterElements", places, (places * 0) + 1 if amount is None else amount, axis=0, reduction="add")


def _whole(parts: Parts, value: Tensor | NDArray[np.int64] | int) -> Tensor:
    return value if isinstance(value, Tensor) else constant(parts, np.asarray(value, np.int64))
