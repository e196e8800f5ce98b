"""Features to a quality: the heads that say how good a picture is, apart from those that say what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import QualityResult
from distortion_heads.heads.bank import HeadBank, overflow_note
from distortion_heads.heads.head import Calibration, HeadFile
from distortion_heads.spec import View


class QualityHeads:
    """Heads of quality, in the order in which they were added; as in `HeadBank` each is a matrix product of its own."""

    def __init__(self) -> None:
        self._banks: dict[View, HeadBank] = {}
        self._order: list[HeadFile] = []  # their layers lie in the banks alone

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        """The heads in use; their weights are read-only and lie in the banks."""
        by_label = {head.label: head for bank in self._banks.values() for head in bank.heads}
        return tuple(by_label[head.label] for head in self._order)

    @property
    def views(self) -> tuple[View, ...]:
        """The views that the heads read."""
        return tuple(self._banks)

    def add(self, head: HeadFile) -> None:
        """Add a copy of `head`. Raises `ValueError` if it is none of quality, and what `HeadBank.add` raises."""
        if head.scale is None:
            raise ValueError(f"head {head.label!r} gives no quality")
        self._banks.setdefault(head.view, HeadBank(expected=1)).add(head)
        self._order.append(replace(head, layers=()))

    def judge(self, features: Mapping[View, NDArray[np.float32]]) -> tuple[tuple[QualityResult, ...], list[str]]:
        """Return each head's answer for a picture, and a line for each that overflows and has none.

        `features` of its windows, float32 (K, dim), K >= 1, for each view that a head reads. The answer is the mean of
        the windows' outputs on the head's scale. Raises `ValueError` for features of another length.
        """
        raw = {
            label: row
            for view, bank in self._banks.items()
            if view in features
            for label, row in zip(self._labels(view), bank.evaluate(features[view]).logits, strict=True)
        }
        found, notes = [], []
        for head in self._order:
            if head.label in raw and np.isfinite(raw[head.label]).all():
                found.append(_answer(head, raw[head.label].astype(np.float64)))
            elif head.label in raw:
                notes.append(f"{overflow_note(head.label)} and is left out: remove it or train it again")
        return tuple(found), notes

    def _labels(self, view: View) -> list[str]:
        return [head.label for head in self._order if head.view == view]


def _answer(head: HeadFile, windows: NDArray[np.float64]) -> QualityResult:
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
