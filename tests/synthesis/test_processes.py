from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_cli.main import run as dheads
from distortion_heads.errors import DataError
from distortion_heads.io.images import load_image
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis import run as synth
from distortion_heads.synthesis.plan import parse_severities
from distortion_heads.synthesis.sources import Source, Sources
from distortion_heads.synthesis.work import Maker, Outcome
from helpers.sessions import processes_of_session, wait_until
from helpers.synth_runs import assert_same_output, finish, make_run, manifest, save_photo


def test_the_number_of_processes_changes_no_byte(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "TASKS_AHEAD", 1)
    labels = ",".join(label for label, spec in bank.items() if spec.synthesize)
    for jobs in (1, 2):
        run = make_run(bank, photos, tmp_path / str(jobs), labels, severities=parse_severities("4"), jobs=jobs)
        outcomes = finish(run)
        assert sum(outcome.made for outcome in outcomes) == 2 * len(labels.split(","))
    assert_same_output(tmp_path / "1", tmp_path / "2")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_a_killed_run_leaves_no_process_and_goes_on(bank: dict[str, HeadSpec], tmp_path: Path) -> None:
    for i in range(12):
        save_photo(tmp_path / f"photos/{i:02}.png", 96, 96, seed=i)
    out, options = tmp_path / "out", ["--distortions", "denoise,jpeg", "--severities", "1,3,5"]
    code = "import sys; from dheads_cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "synth", str(tmp_path / "photos"), str(out), *options, "--jobs", "2"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: any(out.glob("*.png")))
        process.kill()
    made = len(list(out.glob("*.png")))
    wait_until(lambda: not processes_of_session(process.pid))
    for file in out.glob("*.png"):
        load_image(file)
    assert dheads(["synth", str(tmp_path / "photos"), str(out), *options, "--jobs", "1"]) == 0
    assert made < 72
    assert not (out / ".partial").exists()
    finish(make_run(bank, tmp_path / "photos", tmp_path / "whole", "denoise,jpeg"))
    assert_same_output(out, tmp_path / "whole")


def sleeps_over_the_second(
    image: NDArray[np.float32], severity: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    if image.shape[0] == 36:
        time.sleep(60)
    return image


def test_an_interrupt_ends_the_processes_at_once(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    import multiprocessing

    slow = replace(bank["jpeg"], label="slow", synthesize=sleeps_over_the_second)
    started = make_run({"slow": slow}, photos, tmp_path / "out", "slow", jobs=2).outcomes()
    assert next(started).made == 3
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        started.throw(KeyboardInterrupt)
    assert time.monotonic() - begin < 50
    assert multiprocessing.active_children() == []
    assert not (tmp_path / "out/.partial").exists()


def test_a_worker_that_is_killed_is_reported(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    import multiprocessing

    outcomes = make_run(bank, photos, tmp_path / "out", "denoise", per_image=400, jobs=2).outcomes()
    next(outcomes)
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    with pytest.raises(DataError, match=r"a process was killed.*fewer --jobs"):
        list(outcomes)


def test_a_synthesizer_that_cannot_travel_is_refused_before_work(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    local = replace(bank["jpeg"], label="local", synthesize=lambda image, severity, rng: image)
    with pytest.raises(DataError, match="--jobs 1"):
        finish(make_run({"local": local}, photos, tmp_path / "two", "local", jobs=2))
    finish(make_run({"local": local}, photos, tmp_path / "one", "local"))
    assert len(manifest(tmp_path / "one")) == 6


def test_few_tasks_are_under_way_however_many_there_are(
    bank: dict[str, HeadSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run over a million pictures: none is looked at before its turn, and nothing is kept of those that are done."""
    seen = 0

    def many(self: Sources) -> Iterator[Source]:
        nonlocal seen
        for seen in range(1_000_000):
            yield Source(f"{seen}.png", f"{seen}.png")

    monkeypatch.setattr(Sources, "__iter__", many)
    monkeypatch.setattr(Maker, "make", lambda self, task: Outcome(rows=(), made=0, planned=1))
    outcomes = make_run(bank, tmp_path, tmp_path / "out", "jpeg").outcomes()
    with contextlib.closing(outcomes):
        for _ in range(500):
            next(outcomes)
        assert seen < 500 + synth.TASKS_AHEAD
