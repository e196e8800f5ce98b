"""Draw the pairs by which one scorer shows that another is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.quality.figures import GRADE, Duel
from distortion_heads.bench.quality.measure import Version
from distortion_heads.reports.drawing import INK, MUTED, new_figure, to_png

MOST = 4
SIDE = 192
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
    figure = new_figure(4.4, 2.6 * len(duels))
    for row, duel in zip(figure.subfigures(len(duels), 1, squeeze=False).ravel(), duels, strict=True):
        found = duel.attack
        said = (
            f"{titles[duel.attacker]} parts them by {found.claimed:.0f} of 100, people by {found.gain / GRADE:.1f} of 5"
        )
        row.suptitle(f"equal to {titles[duel.defender]}\n{said}", fontsize=7, color=MUTED)
        for axes, index in zip(row.subplots(1, 2), (found.better, found.worse), strict=True):
            axes.imshow(shown[index].pixels[:SIDE, :SIDE])
            axes.set_axis_off()
            axes.set_title(shown[index].text, fontsize=7, color=INK)
    return to_png(figure)
