"""The content of a head: its layers, calibration, threshold, figures and provenance (design, section 6).

The annotations say what a head file may hold: a plain `str` is a line of text, a plain `int` is 1 or more, a plain
`float` lies in [0, 1]; `codec` has the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from distortion_heads.heads.codec import (
    OPTIONAL,
    STORED_AS,
    Correlation,
    Count,
    Figure,
    Integer,
    Number,
    Numbers,
    PositiveFraction,
    Size,
    Text,
    Texts,
    one_of,
)
from distortion_heads.spec import KIND, BackboneRef, Scope, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Activation: TypeAlias = Literal["relu", "identity", "softmax_mixture"]
"""The function after a layer. "softmax_mixture", of a last layer, gives one number, sum softmax(z) s.

The first half of its outputs are logits z of types, the second their scores s: the score that is expected under the
probabilities of the types (MEON, Ma et al. 2018).
"""

SCHEMA = "dheads/1"

OUTPUTS = (("presence",), ("presence", "severity"), ("quality",))
"""The choices of what the last layer of a head gives, in this order."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Layer:
    """One affine layer: `activation(x @ weight.T + bias)`; weight float32 (out, in), bias float32 (out,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Activation

    @property
    def in_(self) -> int:
        return int(self.weight.shape[-1])

    @property
    def out(self) -> int:
        return len(self.weight)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredLayer:
    """A layer in the metadata of a head file, which holds the arrays apart."""

    in_: int
    out: int
    activation: Activation


@dataclass(frozen=True, kw_only=True, slots=True)
class Knot:
    """A point of a monotone map: the raw output, and what it means on the scale."""

    raw: Number
    value: Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Maps a presence logit z to a probability: sigmoid(scale * z + offset); "temperature" has no offset.

    "monotone" maps a quality: straight lines through `knots`, flat beyond them.
    """

    method: Literal["none", "temperature", "platt", "monotone"] = "none"
    params: Numbers = field(default_factory=dict)
    knots: tuple[Knot, ...] = field(default=(), metadata={OPTIONAL: True})

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
class Pooling:
    """A picture's probability is this quantile, in (0, 1], of its windows': a low one is what nearly all show."""

    quantile: PositiveFraction


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The scale of a quality, high is good: its ends, what they mean, and whose opinion the `target` was."""

    low: Number
    high: Number
    meaning: Text
    target: Text


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadMetrics:
    """Measured on `n` held-out images; each figure in [0, 1], or None where it was not measured.

    Of a quality rank and linear correlation with the target, in [-1, 1], and the mean error in steps of the scale.
    """

    split: str
    n: Count
    auroc: Figure = None
    ap: Figure = None
    f1: Figure = None
    ece: Figure = None
    fpr_clean: Figure = None
    srocc: Correlation = field(default=None, metadata={OPTIONAL: True})
    plcc: Correlation = field(default=None, metadata={OPTIONAL: True})
    mae: Size = field(default=None, metadata={OPTIONAL: True})


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a head comes from. `data_sha256` is over the sorted content hashes of the training images."""

    data: Text
    data_sha256: str
    n_pos: Count
    n_neg: Count
    seed: Integer
    command: Text
    versions: Texts = field(default_factory=dict)
    image_licenses: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class HeadFile:
    """The content of one head file (design, section 6); without `pooling` a picture's answer is its windows' mean.

    Only a head of the scope "quality" has a `scale`; it has no use for the threshold.
    """

    schema: str = SCHEMA
    label: str
    title: str
    family: str
    license: str
    created_with: str
    view: View
    backbone: BackboneRef
    layers: tuple[Layer, ...] = field(metadata={STORED_AS: tuple[DeclaredLayer, ...]})
    outputs: Annotated[tuple[str, ...], one_of(*OUTPUTS)]
    calibration: Calibration
    threshold: Threshold
    metrics: HeadMetrics
    provenance: Provenance
    scope: Scope = field(default=KIND, metadata={OPTIONAL: True})
    pooling: Pooling | None = field(default=None, metadata={OPTIONAL: True, STORED_AS: Pooling})
    scale: Scale | None = field(default=None, metadata={OPTIONAL: True, STORED_AS: Scale})
