"""`heads.quality` as nodes: features of windows become the answers of heads that say how good a picture is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from distortion_heads.export.answers_graph import layers_of
from distortion_heads.export.tensors import Tensor, constant, joined
from distortion_heads.heads.head import Calibration, HeadFile
from distortion_heads.spec import View


def quality_answers(features: Mapping[View, Tensor], heads: Sequence[HeadFile]) -> tuple[Tensor, Tensor]:
    """Return value and spread of Q heads, float64 (Q,), from the features that each reads, float32 (K, dim)."""
    answers = [_answer(features[head.view], head) for head in heads]
    values, spreads = (joined(list(parts), 0) for parts in zip(*answers, strict=True))
    return values, spreads


def _answer(features: Tensor, head: HeadFile) -> tuple[Tensor, Tensor]:
    scale = head.scale
    assert scale is not None
    raw = layers_of(features, [head]).cast(np.float64).reshape(-1)
    value, windows = (
        _on_scale(head.calibration, each).op("Clip", scale.low, scale.high) for each in (raw.mean().reshape(1), raw)
    )
    distance = windows - windows.mean()
    return value, (distance * distance).mean().op("Sqrt").reshape(1)


def _on_scale(calibration: Calibration, raw: Tensor) -> Tensor:
    """Straight lines through the knots, flat beyond them: the sum of what each line adds on the way."""
    knots = calibration.knots
    if not knots:
        return raw
    places, values = (np.array([getattr(knot, name) for knot in knots]) for name in ("raw", "value"))
    if len(knots) == 1:
        return raw * 0.0 + float(values[0])
    lengths = constant(raw.parts, np.diff(places))
    way = (raw.reshape(-1, 1) - places[:-1]).maximum(0.0).minimum(lengths)
    slopes = constant(raw.parts, np.diff(values) / np.diff(places))
    return (way * slopes).sum(1) + float(values[0])
