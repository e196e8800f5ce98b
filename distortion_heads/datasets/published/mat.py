"""Numeric arrays and lists of texts in MATLAB files of version 5, read within limits; all else is passed over.

Not by SciPy, whose reader crashes the process on some damaged files. The format: "MAT-File Format", MathWorks 2024.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.io.time_limit import TimeLimit

MAX_FILE_BYTES = 64 << 20
MAX_VALUES = 4_000_000
"""The sum of all arrays that are asked for: packed, a thousand values may be one byte."""

MAX_ELEMENTS = 10_000
MAX_DIMENSIONS = 32

_HEADER, _VERSION = 128, 0x0100
_MATRIX, _COMPRESSED = 14, 15
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = range(6, 16)
"""Classes of arrays: double, single and integers; cells, structures, objects, text and sparse ones come before."""

_CELLS, _TEXT = 1, 4
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
_COMPLEX = 0x0800
_HEAD_BYTES = 4096
"""Flags, dimensions and name of a matrix, which are all that is unpacked of one that nobody asks for."""


Order: TypeAlias = Literal["<", ">"]
_ORDERS: dict[bytes, Order] = {b"IM": "<", b"MI": ">"}


class _Element(NamedTuple):
    kind: int
    data: bytes
    end: int


class _Matrix(NamedTuple):
    name: str
    kind: int
    is_numeric: bool
    shape: tuple[int, ...]
    values_at: int


def read_arrays(file: Path, names: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Return the real numeric arrays called `names` that are in the file. Raises `DataError`."""
    arrays: dict[str, NDArray[np.float64]] = {}
    left = MAX_VALUES
    with _naming(file):
        for matrix, held in _found(_bytes(file), names):
            left -= _count(matrix, MAX_VALUES)
            if left < 0:
                raise DataError(f"more than {MAX_VALUES} values")
            arrays[matrix.name] = _values(held, matrix)
    return arrays


def read_texts(file: Path, name: str) -> list[str]:
    """Return the texts of the cell array called `name` in the file. Raises `DataError`."""
    with _naming(file):
        for matrix, held in _found(_bytes(file), [name]):
            if matrix.kind != _CELLS:
                break
            return list(_texts(held, matrix, name))
    raise DataError(f"{file}: {name}: expected a cell array of names")


def vector(value: NDArray[np.float64] | None, total: int, what: str) -> list[float]:
    """Return the numbers of an array. Raises `DataError` if they are not `total`, or not finite."""
    if value is None or value.size != total:
        raise DataError(f"{what}: expected {total} numbers, one for each picture in the folders")
    if not np.isfinite(value).all():
        raise DataError(f"{what}: holds values that are no finite numbers")
    return [float(number) for number in value.ravel()]


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {reason(error)}") from None
    except (ValueError, IndexError, struct.error, zlib.error) as error:
        raise DataError(f"{file}: no MATLAB file of version 5 ({error}); save it with -v6 or -v7") from None


def _bytes(file: Path) -> bytes:
    if file.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
    return file.read_bytes()


class _Held(NamedTuple):
    """The bytes of a matrix, packed or not, and their order."""

    data: bytes
    order: Order
    packed: bool

    def whole(self, most: int) -> bytes:
        return _unpack(self.data, most)[8:] if self.packed else self.data


def _found(data: bytes, names: Collection[str]) -> Iterator[tuple[_Matrix, _Held]]:
    order = _ORDERS.get(data[126:128])
    if order is None or struct.unpack_from(f"{order}H", data, 124)[0] != _VERSION:
        raise ValueError("its header says so")
    at, time = _HEADER, TimeLimit(len(data))
    for _ in range(MAX_ELEMENTS):
        if len(data) - at < 8:
            return
        time.check(DataError)
        element = _element(data, at, order)
        at = element.end
        if element.kind not in (_MATRIX, _COMPRESSED):
            continue
        held = _Held(element.data, order, element.kind == _COMPRESSED)
        matrix = _matrix(held.whole(_HEAD_BYTES)[:_HEAD_BYTES], order)
        if matrix.name in names:
            yield matrix, held
    raise ValueError(f"more than {MAX_ELEMENTS} elements")


def _texts(held: _Held, matrix: _Matrix, what: str) -> Iterator[str]:
    """Yield the texts of a cell array, each a row of characters in a cell of its own."""
    count, at, whole = _count(matrix, MAX_ELEMENTS), matrix.values_at, held.whole(MAX_FILE_BYTES)
    for _ in range(count):
        element = _element(whole, at, held.order)
        at = element.end
        cell = _matrix(element.data, held.order)
        characters = _element(element.data, cell.values_at, held.order)
        if element.kind != _MATRIX or cell.kind != _TEXT or characters.kind not in _ENCODINGS:
            raise DataError(f"{what}: holds cells that are no names")
        encoding = _ENCODINGS[characters.kind]
        if encoding == "utf-16":
            encoding += "-le" if held.order == "<" else "-be"
        yield characters.data.decode(encoding)


def _element(data: bytes, at: int, order: Order) -> _Element:
    """Read the element at `at`: a tag of 8 bytes, or of 4 with at most 4 bytes of data after it."""
    kind, size = struct.unpack_from(f"{order}II", data, at)
    if kind >> 16:
        return _Element(kind & 0xFFFF, data[at + 4 : at + 4 + min(kind >> 16, 4)], at + 8)
    end = at + 8 + size
    padding = 0 if kind == _COMPRESSED else -size % 8
    return _Element(kind, data[at + 8 : end], end + padding)


def _matrix(head: bytes, order: Order) -> _Matrix:
    flags = _element(head, 0, order)
    dimensions = _element(head, flags.end, order)
    name = _element(head, dimensions.end, order)
    (word,) = struct.unpack_from(f"{order}I", flags.data)
    if len(dimensions.data) > 4 * MAX_DIMENSIONS:
        raise ValueError(f"more than {MAX_DIMENSIONS} dimensions")
    shape = struct.unpack(f"{order}{len(dimensions.data) // 4}i", dimensions.data)
    is_numeric = (word & 0xFF) in _NUMERIC and not word & _COMPLEX
    return _Matrix(name.data.decode("ascii", "replace"), word & 0xFF, is_numeric, shape, name.end)


def _count(matrix: _Matrix, most: int) -> int:
    count = 1
    for side in matrix.shape:
        count *= side
        if not 0 <= count <= most:
            raise DataError(f"{matrix.name} has {' x '.join(map(str, matrix.shape))} values, above {most}")
    return count


def _values(held: _Held, matrix: _Matrix) -> NDArray[np.float64]:
    count = _count(matrix, MAX_VALUES)
    if not matrix.is_numeric:
        raise ValueError(f"{matrix.name} is no array of real numbers")
    values = _element(held.whole(matrix.values_at + 16 + 8 * count), matrix.values_at, held.order)
    if values.kind not in _DTYPES:
        raise ValueError(f"{matrix.name} has values of an unknown type {values.kind}")
    array = np.frombuffer(values.data, np.dtype(_DTYPES[values.kind]).newbyteorder(held.order))
    return array.astype(np.float64).reshape(matrix.shape, order="F")


def _unpack(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)
