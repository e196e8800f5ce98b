"""Features to a quality: the heads that say how good a picture is, apart from those that say what is wrong with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import QualityResult
from distortion_heads.errors import HeadTensorError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.head import Calibration, HeadFile


class QualityBank:
    """Heads of quality that read the same features; as in `HeadBank` each is a matrix product of its own."""

    def __init__(self) -> None:
        self._bank = HeadBank(expected=1)
        self._rules: tuple[HeadFile, ...] = ()

    def __len__(self) -> int:
        return len(self._bank)

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        """The heads in the order in which they were added."""
        return self._bank.heads

    def add(self, head: HeadFile) -> None:
        """Add a copy of `head`. Raises `ValueError` if it is none of quality, and what `HeadBank.add` raises."""
        if head.scale is None:
            raise ValueError(f"head {head.label!r} gives no quality")
        self._bank.add(head)
        self._rules = self._bank.heads

    def answers(self, features: NDArray[np.float32]) -> list[QualityResult]:
        """Return each head's answer for a picture, from the features of its windows, float32 (K, dim), K >= 1.

        It is the mean of the windows' outputs on the head's scale. Raises `HeadTensorError` if an output is no number,
        and `ValueError` for features of another length.
        """
        raw = self._bank.evaluate(features).logits.astype(np.float64)
        return [_answer(head, row) for head, row in zip(self._rules, raw, strict=True)]


def _answer(head: HeadFile, windows: NDArray[np.float64]) -> QualityResult:
    if not np.isfinite(windows).all():
        raise HeadTensorError(f"head {head.label!r} overflows on this image: remove it or train it again")
    scale = head.scale
    assert scale is not None
    values = on_scale(head.calibration, np.append(windows, windows.mean()))
    clipped = np.clip(values, scale.low, scale.high)
    return QualityResult(
        label=head.label,
        value=float(clipped[-1]),
        low=scale.low,
        high=scale.high,
        target=scale.target,
        spread=float(clipped[:-1].std()),
    )


def on_scale(calibration: Calibration, raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return raw outputs on the scale of the head."""
    if not calibration.knots:
        return raw
    knots = calibration.knots
    return np.interp(raw, [knot.raw for knot in knots], [knot.value for knot in knots])
