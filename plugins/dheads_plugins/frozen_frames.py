"""Frozen frames: the same frame again and again, as from a stuck camera, a dropped feed or a decoder that hides losses.

Severity is how long a frame stands until the next one that is due comes through: 0.8, 1.2, 1.8, 2.7, 4 seconds, this
project's own levels. A head sees a second of the video, so that all that stands longer is alike to it; how long a
freeze lasts is the length of its segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    import numpy as np

    from distortion_heads.spec import FloatImage

SECONDS = (0.8, 1.2, 1.8, 2.7, 4.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Seconds that a frame stands."""
    return {"seconds": at_severity(SECONDS, severity, log=True)}


def synthesize_clip(
    frames: Iterable[FloatImage], rate: float, severity: float, rng: np.random.Generator
) -> Iterator[FloatImage]:
    """Repeat a frame for so long (within 20 %), then the one that is due, and so on."""
    left, held = 0.0, None
    for frame in frames:
        if held is None or left <= 0:
            held, left = frame, max(parameters(severity)["seconds"] * rate * rng.uniform(0.8, 1.2), 2.0)
        yield held.copy()
        left -= 1


HEAD = HeadSpec(
    label="frozen_frames",
    title="Frozen frames",
    family="temporal",
    description="The picture stands still: a stuck camera or a dropped feed repeats one frame. So does a slide.",
    weights=bundled("frozen_frames"),
    synthesize_clip=synthesize_clip,
    parameters=parameters,
    view="temporal",
    source="pausing with skipping of the VQEG test plans; levels of this project",
)
