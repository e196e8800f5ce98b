"""Draw the pairs by which one scorer shows that another is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.quality.figures import Duel
from distortion_heads.bench.quality.measure import Version
from distortion_heads.reports.drawing import INK, MUTED, new_figure, to_png

MOST = 6
SIDE = 256
"""Pixels a side of what is drawn of each picture."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture as it is drawn: its pixels and what was done to it."""

    pixels: NDArray[np.uint8]
    version: Version

    @property
    def text(self) -> str:
        made = f"{self.version.label.replace('_', ' ')} {self.version.severity:g}" if self.version.label else "clean"
        return f"{made}, people {self.version.mean:.1f}"


def choose_duels(duels: Sequence[Duel], preferred: Sequence[str] = ()) -> tuple[Duel, ...]:
    """Return the clearest successful attack on each defender, those on `preferred` first, the clearest first."""
    best: dict[str, Duel] = {}
    for duel in duels:
        known = best.get(duel.defender)
        if duel.attack.succeeds and (known is None or duel.attack.gain > known.attack.gain):
            best[duel.defender] = duel
    ordered = sorted(best.values(), key=lambda duel: (duel.defender not in preferred, -duel.attack.gain))
    return tuple(ordered[:MOST])


def draw_duels(duels: Sequence[Duel], shown: Mapping[int, Shown], titles: Mapping[str, str]) -> bytes:
    """Return a PNG with a row for each duel: the better picture and the worse, equal to the defender."""
    figure = new_figure(6.4, 3.4 * len(duels))
    rows = figure.subplots(len(duels), 2, squeeze=False)
    for axes, duel in zip(rows, duels, strict=True):
        for place, index, word in ((axes[0], duel.attack.better, "better"), (axes[1], duel.attack.worse, "worse")):
            place.imshow(shown[index].pixels[:SIDE, :SIDE])
            place.set_axis_off()
            place.set_title(f"{word}: {shown[index].text}", fontsize=8, color=INK)
        axes[0].text(
            0,
            -0.05,
            f"equal to {titles[duel.defender]} ({duel.attack.level:.0f} of 100); "
            f"{titles[duel.attacker]} parts them by {duel.attack.claimed:.0f}",
            transform=axes[0].transAxes,
            fontsize=8,
            color=MUTED,
            va="top",
        )
    return to_png(figure)
