"""What one head holds: its layers, calibration, threshold, figures and provenance (design, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from distortion_heads.spec import BackboneRef, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatImage: TypeAlias = NDArray[np.float32]
    Synthesizer: TypeAlias = Callable[[FloatImage, float, np.random.Generator], FloatImage]
    Encoder: TypeAlias = Callable[[FloatImage, float, np.random.Generator], tuple[bytes, str]]
    ClipSynthesizer: TypeAlias = Callable[
        [Iterable[FloatImage], float, float, np.random.Generator], Iterator[FloatImage]
    ]

Activation: TypeAlias = Literal["relu", "identity"]


CalibrationMethod: TypeAlias = Literal["none", "temperature", "platt"]


OUTPUTS = ("presence", "severity")


SCHEMA = "dheads/1"


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Layer:
    """One affine layer: `activation(x @ weight.T + bias)`; weight float32 (out, in), bias float32 (out,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Activation


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Maps a presence logit z to a probability: sigmoid(scale * z + offset); "temperature" has no offset."""

    method: CalibrationMethod = "none"
    params: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        return float(self.params.get("scale", 1.0))

    @property
    def offset(self) -> float:
        return float(self.params.get("offset", 0.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """Presence means `probability >= value`; `objective` says how the value was chosen."""

    value: float = 0.5
    objective: str = "fixed"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadMetrics:
    """Measured on `n` held-out images; each figure in [0, 1], or None where it was not measured."""

    split: str
    n: int
    auroc: float | None = None
    ap: float | None = None
    f1: float | None = None
    ece: float | None = None
    fpr_clean: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a head comes from. `data_sha256` is over the sorted content hashes of the training images."""

    data: str
    data_sha256: str
    n_pos: int
    n_neg: int
    seed: int
    command: str
    versions: Mapping[str, str] = field(default_factory=dict)
    image_licenses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class HeadFile:
    """The content of one head file (design, section 6)."""

    label: str
    title: str
    family: str
    license: str
    created_with: str
    view: View
    backbone: BackboneRef
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    calibration: Calibration
    threshold: Threshold
    metrics: HeadMetrics
    provenance: Provenance
    schema: str = SCHEMA
