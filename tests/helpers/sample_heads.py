"""Heads with random weights for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np

from distortion_heads.heads.bank import AnswerRules, HeadOutputs
from distortion_heads.heads.head import Calibration, HeadFile, HeadMetrics, Layer, Provenance, Scale, Threshold
from distortion_heads.spec import QUALITY, BackboneRef, width_of

FINGERPRINT = "0123456789abcdef" * 4


def make_layers(sizes: Sequence[int], seed: int = 0) -> tuple[Layer, ...]:
    """Layers of these sizes with values that float16 holds exactly; ReLU between them."""
    rng = np.random.default_rng(seed)

    def values(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float16).astype(np.float32)

    last = len(sizes) - 2
    return tuple(
        Layer(
            weight=values(n_out, n_in, scale=0.25),
            bias=values(n_out),
            activation="identity" if i == last else "relu",
        )
        for i, (n_in, n_out) in enumerate(pairwise(sizes))
    )


def make_head(
    label: str = "white_noise", *, dim: int = 12, hidden: Sequence[int] = (5,), seed: int = 0, **changes: Any
) -> HeadFile:
    outputs = changes.pop("outputs", ("presence", "severity"))
    values: dict[str, Any] = {
        "label": label,
        "title": "White noise",
        "family": "noise",
        "license": "Apache-2.0",
        "created_with": "distortion-heads 0.1.0",
        "view": "native",
        "backbone": BackboneRef(name="tiny", fingerprint=FINGERPRINT, dim=dim),
        "layers": make_layers((dim, *hidden, len(outputs)), seed),
        "outputs": outputs,
        "calibration": Calibration(method="platt", params={"scale": 0.8, "offset": -0.25}),
        "threshold": Threshold(value=0.4, objective="f1"),
        "metrics": HeadMetrics(split="hold-out", n=40, auroc=0.99, fpr_clean=0.0),
        "provenance": Provenance(
            data="photos",
            data_sha256="ab" * 32,
            n_pos=20,
            n_neg=21,
            seed=7,
            command="dheads add-head white_noise --data photos",
            versions={"numpy": "2.0.0"},
            image_licenses=("CC0-1.0",),
        ),
    }
    return HeadFile(**{**values, **changes})


def aggregate(head: HeadFile, logits: np.ndarray, severity: np.ndarray) -> tuple[float, float | None]:
    """Return the image's `(probability, severity)` from the raw outputs of its windows, each float32 (K,)."""
    outputs = HeadOutputs(logits=logits[np.newaxis], severity=severity[np.newaxis])
    [answer] = AnswerRules.of([head]).answers(outputs)
    return answer.probability, answer.severity


def same(a: HeadFile, b: HeadFile) -> bool:
    """Whether two heads are equal, tensors bit for bit."""
    rest = [field.name for field in fields(HeadFile) if field.name != "layers"]
    return all(getattr(a, name) == getattr(b, name) for name in rest) and [_bits(layer) for layer in a.layers] == [
        _bits(layer) for layer in b.layers
    ]


def _bits(layer: Layer) -> tuple[object, ...]:
    arrays = (layer.weight, layer.bias)
    return (layer.activation, *((a.dtype.str, a.shape, a.tobytes()) for a in arrays))


def make_quality_head(label: str = "quality", *, dim: int = 12, **changes: Any) -> HeadFile:
    """A head of quality with random weights; `mixture`: of that many types."""
    types = changes.pop("mixture", 0)
    width = width_of(changes.get("view", "native"), dim)
    first, last = make_layers((width, 5, 2 * types or 1), changes.pop("seed", 0))
    if types:
        last = Layer(weight=last.weight, bias=last.bias, activation="softmax_mixture")
    values: dict[str, Any] = {
        "dim": dim,
        "family": "quality",
        "scope": QUALITY,
        "outputs": ("quality",),
        "layers": (first, last),
        "calibration": Calibration(),
        "threshold": Threshold(),
        "metrics": HeadMetrics(split="hold-out", n=40, srocc=0.9, plcc=-0.5, mae=0.25),
        "scale": Scale(low=1.0, high=5.0, meaning="1 bad to 5 good", target="ratings of a.csv"),
    }
    return make_head(label, **{**values, **changes})
