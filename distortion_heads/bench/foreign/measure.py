"""Judge all versions of a picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.processes import per_process
from distortion_heads.bench.foreign.versions import ForeignPlan, draw_versions, make_versions
from distortion_heads.bench.shared.judge import Judged, judge_all
from distortion_heads.bench.shared.workers import Job, read_bytes
from distortion_heads.foreign.all_operators import all_operators
from distortion_heads.foreign.base import ForeignOperator, Pixels
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import HeadSpec


def measure_one(path: Path, job: Job, plan: ForeignPlan) -> tuple[str, Judged]:
    """Return the picture's name for `draw_versions`, and what the job's cache has for the file, else measure it.

    Raises `InputError` if it is no picture, `DataError` if a generator breaks its contract.
    """
    data = read_bytes(path)
    pixels = load_image(data)

    def measure(predictor: Predictor, specs: tuple[HeadSpec, ...]) -> dict[str, NDArray[np.generic]]:
        operators = per_process(usable_operators)
        versions = draw_versions(operators, specs, plan, picture_name(pixels))
        return dict(vars(judge_all(make_versions(pixels, versions, operators, specs, plan.seed), predictor)))

    arrays = job.arrays(data, measure)
    return picture_name(pixels), Judged(**arrays)  # type: ignore[arg-type]


def usable_operators() -> tuple[ForeignOperator, ...]:
    """Return every operator of what is installed; torch, if one needs it, computes on one thread."""
    import torch

    torch.set_num_threads(1)
    return all_operators()[0]


def picture_name(pixels: Pixels) -> str:
    """Return the hash that stands for a picture, whatever its file is called."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()
