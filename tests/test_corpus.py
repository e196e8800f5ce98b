"""Everybody's files: whatever lies in the folder `DHEADS_CORPUS` is judged, or refused with a reason."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path

import pytest

from distortion_heads.errors import DheadsError
from distortion_heads.io.images import count_pixels
from distortion_heads.pipeline import Predictor
from helpers.command_line import subprocess_dheads

SECONDS_PER_MEGAPIXEL, MOST_KIB = 10, 4 << 20
MOST_PIXELS = 50_000_000
SECONDS_A_FILE = 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DHEADS_CORPUS" not in os.environ, reason="DHEADS_CORPUS names no folder"),
]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    found = sorted(path for path in Path(os.environ["DHEADS_CORPUS"]).rglob("*") if path.is_file())
    assert found
    return found


def test_every_file_is_answered_in_time_alone_and_alike_in_a_batch(files: list[Path]) -> None:
    predictor = Predictor(max_pixels=MOST_PIXELS)
    alone: list[object] = []
    for path in files:
        started = time.process_time()
        try:
            alone.append(predictor.predict(path))
        except DheadsError as error:
            alone.append(str(error))
        limit = SECONDS_PER_MEGAPIXEL * max(1.0, count_pixels(path) / 1e6)
        assert time.process_time() - started < limit, path
    batch = list(predictor.predict_many(files))
    for path, one, other in zip(files, alone, batch, strict=True):
        assert one == (str(other) if isinstance(other, DheadsError) else other), path
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_KIB


def test_the_command_goes_through_all_of_them(files: list[Path]) -> None:
    listed = "\n".join(map(str, files))
    arguments = ("predict", "--json", "--fast", "--max-pixels", str(MOST_PIXELS), "-")
    done = subprocess_dheads(*arguments, stdin=listed, timeout=60 + SECONDS_A_FILE * len(files))
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
    assert "this is a bug" not in done.stderr + done.stdout
    assert len({json.loads(line)["path"] for line in done.stdout.splitlines()}) == len(files)
