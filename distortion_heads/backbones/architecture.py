"""The backbone's architecture as data, shared by both engines and written into the backbone's own file.

A stack of convolutions (batch normalisation folded in), each followed by ReLU. The activations after certain
convolutions are the *levels*; their mean and the logarithm of their standard deviation over a window are the features
(multi-level spatially pooled, MLSP: Hosu et al. 2019, used by DeepFL-IQA). The last convolutions may stand beside the
stack: the *analysis* banks read the picture itself, and the magnitudes of their responses are levels of their own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.errors import BackboneError
from distortion_heads.views.units import CELL

VARIANCE_FLOOR = 1e-5
"""Added to a variance before the logarithm, so that flat regions have a defined value and gradient."""

MEAN_FLOOR = 3e-3
"""Added to the mean of a magnitude before the logarithm: about the rounding noise of an 8-bit picture."""

QUIET = 1e-5
"""Magnitudes are reduced by this, to 0 at least: what is less comes from rounding in the engine, not in the picture."""


MAX_CONVS, MAX_CHANNELS = 64, 4096


@dataclass(frozen=True, kw_only=True)
class Conv:
    """A square convolution with zero padding `kernel // 2`; `level` marks its activations as a level.

    An `analysis` convolution reads the picture, or its luma if it has one input, padded by reflection; its level is
    `max(|response| - QUIET, 0)`.
    """

    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    level: bool = False
    analysis: bool = False


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Input: RGB in [0, 255], normalised as (x / 255 - 0.5) / 0.25."""

    convs: tuple[Conv, ...]

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """(channels, cumulative stride) of each level."""
        stride, found = 1, []
        for conv in self.stack:
            stride *= conv.stride
            if conv.level:
                found.append((conv.outputs, stride))
        return (*found, *((conv.outputs, conv.stride) for conv in self.analysis))

    @property
    def stack(self) -> tuple[Conv, ...]:
        """The convolutions that follow each other."""
        return tuple(conv for conv in self.convs if not conv.analysis)

    @property
    def analysis(self) -> tuple[Conv, ...]:
        """The banks beside the stack, whose levels come last."""
        return tuple(conv for conv in self.convs if conv.analysis)

    @property
    def magnitudes(self) -> int:
        """Return the number of channels, the last ones, that are magnitudes: logarithms are taken of their means."""
        return sum(conv.outputs for conv in self.analysis)

    @property
    def channels(self) -> int:
        """Channels of all levels together; a feature vector holds as many means and as many deviations."""
        return sum(channels for channels, _ in self.levels)

    @property
    def dim(self) -> int:
        return 2 * self.channels

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the input region that one activation of the last level sees."""
        stride, field = 1, 1
        for conv in self.stack:
            field += (conv.kernel - 1) * stride
            stride *= conv.stride
        return max([field, *(conv.kernel for conv in self.convs)])

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(conv) for conv in self.convs]

    @classmethod
    def from_json(cls, value: object) -> Architecture:
        """Check and build; raises `BackboneError` for anything that `to_json` would not have written."""
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_CONVS:
            raise BackboneError("the backbone file describes no stack of convolutions")
        try:
            convs = tuple(Conv(**item) for item in value)
        except TypeError as error:
            raise BackboneError(f"the backbone file describes an unknown layer: {error}") from None
        built = cls(convs=convs)
        if convs != (*built.stack, *built.analysis) or not all(conv.level for conv in built.analysis):
            raise BackboneError("the backbone file describes an analysis bank that is not among the last levels")
        for before, conv in zip((None, *convs), convs, strict=False):
            _check(conv, (1, 3) if conv.analysis else (3,) if before is None else (before.outputs,))
        if not built.levels or any(CELL % stride for _, stride in built.levels):
            raise BackboneError(f"the backbone's levels must have strides that divide {CELL}")
        return built


def _check(conv: Conv, inputs: tuple[int, ...]) -> None:
    sizes = (conv.inputs, conv.outputs, conv.kernel, conv.stride)
    if not all(type(size) is int and 1 <= size <= MAX_CHANNELS for size in sizes) or not all(
        type(flag) is bool for flag in (conv.level, conv.analysis)
    ):
        raise BackboneError("the backbone file describes a layer with impossible sizes")
    strides = (1, 2, 4) if conv.analysis else (1, 2)
    if conv.inputs not in inputs or conv.kernel % 2 == 0 or conv.kernel > 31 or conv.stride not in strides:
        raise BackboneError("the backbone file describes layers that do not fit together")


WIDTHS = (16, 32, 48, 64, 96)
"""Channels of the bundled architecture's learnt levels."""


def small(widths: tuple[int, int, int, int, int] = WIDTHS) -> Architecture:
    """The bundled architecture: five levels at strides 2, 4, 8, 16 and 32, and two analysis banks at stride 4."""
    a, b, c, d, e = widths
    return Architecture(
        convs=(
            Conv(inputs=3, outputs=a, kernel=5, stride=2),
            Conv(inputs=a, outputs=a, level=True),
            Conv(inputs=a, outputs=b, stride=2),
            Conv(inputs=b, outputs=b, level=True),
            Conv(inputs=b, outputs=c, stride=2),
            Conv(inputs=c, outputs=c),
            Conv(inputs=c, outputs=c, level=True),
            Conv(inputs=c, outputs=d, stride=2),
            Conv(inputs=d, outputs=d),
            Conv(inputs=d, outputs=d, level=True),
            Conv(inputs=d, outputs=e, stride=2),
            Conv(inputs=e, outputs=e, level=True),
            Conv(inputs=3, outputs=32, kernel=11, stride=4, level=True, analysis=True),
            Conv(inputs=1, outputs=16, kernel=17, stride=4, level=True, analysis=True),
        )
    )
