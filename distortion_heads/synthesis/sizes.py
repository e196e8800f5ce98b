"""How much a run of `dheads synth` will write, told before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distortion_heads.io.video.container import open_container
from distortion_heads.synthesis.sources import Source

if TYPE_CHECKING:
    from distortion_heads.synthesis.run import Run
    from distortion_heads.synthesis.work import Target

LOOKED_AT = 100
"""Inputs whose headers are read; the others are taken to be as large on average."""
PICTURE_BYTES, FFV1_BYTES, CODED_BYTES = 3.0, 1.5, 0.1
"""Bytes of a pixel: of a PNG without compression, and about of a frame without and with loss."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`files` to be made from `inputs`, `megabytes` together, by the headers of `looked_at` inputs."""

    inputs: int
    files: int
    megabytes: float
    looked_at: int

    @property
    def is_whole(self) -> bool:
        return self.looked_at == self.inputs


def estimate(run: Run) -> Estimate:
    """Return what `run` makes, if all inputs can be read; those whose headers cannot count nothing."""
    total, looked_at, inputs = 0.0, 0, 0
    for source in run.sources:
        if not isinstance(source, Source):
            continue
        inputs += 1
        if looked_at < LOOKED_AT:
            looked_at += 1
            total += _clip_bytes(source.path, run.target) if source.is_video else _picture_bytes(source.path)
    files = inputs * run.plan.size
    return Estimate(inputs=inputs, files=files, megabytes=total / max(looked_at, 1) * files / 1e6, looked_at=looked_at)


def _picture_bytes(path: str) -> float:
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            return PICTURE_BYTES * picture.width * picture.height
    except Exception:  # whatever is wrong with it is told when it is read
        return 0.0


def _clip_bytes(path: str, target: Target) -> float:
    coding = target.clips.coding
    try:
        with open_container(path) as container:
            stream = container.streams.video[0]
            seconds = (container.duration or 0) / 1e6
            if coding.bit_rate is not None:
                return coding.bit_rate * seconds / 8
            frames = stream.frames or seconds * float(stream.average_rate or 0)
            return (FFV1_BYTES if coding.codec == "ffv1" else CODED_BYTES) * frames * stream.width * stream.height
    except Exception:
        return 0.0
