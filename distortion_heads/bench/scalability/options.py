"""Options of `dheads bench scalability`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

PARTS = ("incremental", "forgetting", "cost", "new-head")
BANK = (
    "gaussian_blur", "motion_blur", "white_noise", "impulse_noise", "jpeg", "jpeg2000", "pixelate", "color_diffusion",
    "quantization", "high_sharpen",
)  # fmt: skip
LATE = ("jpeg", "white_noise", "motion_blur", "pixelate", "color_diffusion", "high_sharpen")

Report: TypeAlias = Callable[[str, float, float], None]
"""Called with the name of the stage, what is done of it, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class ScalabilityOptions:
    """Options of the bench, and `work`, the folder that keeps what is done; `command` is quoted in the report.

    The incremental part trains on `bank` (distortions), and adds those of `late` one at a time, from `sizes` pictures
    with the distortion and as many without. `widths`: channels of the backbone's five levels; `batch`: native samples
    of a step, and as many overviews if any head reads them. The cost is that of `counts` heads, the fewest first.
    """

    images: Path
    out: Path
    work: Path
    parts: tuple[str, ...] = PARTS
    bank: tuple[str, ...] = BANK
    late: tuple[str, ...] = LATE
    sizes: tuple[int, ...] = (20, 50, 100, 500, 2000)
    widths: tuple[int, int, int, int, int] = (8, 16, 32, 64, 96)
    steps: int = 256
    batch: int = 40
    test_pictures: int = 200
    counts: tuple[int, ...] = (1, 10, 100, 1000)
    rounds: int = 45
    seed: int = 0
    workers: int = 1
    command: str = "dheads bench scalability"
