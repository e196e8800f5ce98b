"""Processes are killed at random moments: nothing is lost, nothing comes twice, nothing goes on running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from batch.conftest import write_table, write_tar
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.pictures import prediction_to_dict
from helpers.command_line import COMMAND, subprocess_dheads, write_picture

pytest.importorskip("ray")

HEADS = "white_noise,jpeg,gaussian_blur"
PATIENCE = 300


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    """140 files of which one is broken, and ten more pictures in a table and a tar: 31 lists."""
    files = [write_picture(tmp_path / "files" / f"{number:03d}.png", number, side=480) for number in range(139)]
    (tmp_path / "files" / "broken.png").write_bytes(b"no picture")
    data = [file.read_bytes() for file in files[:10]]
    table = write_table(tmp_path / "t.parquet", [{"bytes": content} for content in data[:7]], group=5)
    tar = write_tar(tmp_path / "t.tar", {f"{i}.png": content for i, content in enumerate(data[7:])})
    return [str(tmp_path / "files"), str(table), str(tar)]


def command(inputs: list[str], out: Path) -> list[str]:
    return ["predict", *inputs, "--on", "ray", "--jobs", "2", "--part-size", "5", "--heads", HEADS, "--out", str(out)]


@pytest.mark.slow
def test_killed_workers_and_a_killed_driver_cost_nothing(inputs: list[str], tmp_path: Path) -> None:
    out, chance = tmp_path / "out", random.Random(time.time_ns())
    with started(command(inputs, out)) as driver:
        kill_a_worker_after(driver, out, 1, chance)
        kill_a_worker_after(driver, out, 1 + chance.randrange(6), chance)
        wait_for(driver, out, 8 + chance.randrange(6))
        left = descendants(driver.pid)
        driver.kill()
    before = parts(out)
    assert 0 < len(before) < 31
    wait_until(lambda: not any(map(is_alive, left)), "processes of the killed run go on")
    with started(command(inputs, out)) as driver:
        kill_a_worker_after(driver, out, len(before) + 1, chance)
        assert driver.wait(PATIENCE) == 1  # for the broken picture
    assert all((out / name).stat().st_mtime_ns == changed for name, changed in before.items())
    check(inputs, out)
    again = subprocess_dheads(*command(inputs, out))
    assert (again.returncode, again.stdout) == (0, f"wrote {out}: 0 pictures in 0 parts, 31 parts were there\n")


def check(inputs: list[str], out: Path) -> None:
    """Compare with what `predict` says of each picture, to the last digit."""
    import pyarrow.dataset

    rows: list[dict[str, Any]] = pyarrow.dataset.dataset(out).to_table().to_pylist()
    folder, table, tar = inputs
    files = sorted(str(file) for file in Path(folder).iterdir())
    names = [f"{table}#{i}" for i in range(7)] + [f"{tar}#{i}.png" for i in range(3)]
    assert sorted(row["path"] for row in rows) == sorted([*files, *names])
    assert len({(row["part"], row["row"]) for row in rows}) == len(rows) == 150
    assert [row["path"] for row in rows if row["error"] is not None] == [f"{folder}/broken.png"]
    same_as = dict(zip(names, files, strict=False))
    predictor = Predictor(HEADS.split(","), threads=1)
    wanted = {path: prediction_to_dict(predictor.predict(path)) for path in files if "broken" not in path}
    for row in rows:
        if row["error"] is None:
            want = wanted[same_as.get(row["path"], row["path"])]
            assert row["families"] == want["families"]
            assert [head["probability"] for head in row["heads"]] == [head["probability"] for head in want["heads"]]
    assert not list(out.glob("_at-*"))


@contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    driver = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield driver
    finally:
        driver.kill()
        driver.wait(PATIENCE)
        assert driver.stderr is not None
        driver.stderr.close()


def parts(out: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in out.glob("part-*.parquet")}


def wait_for(driver: subprocess.Popen[bytes], out: Path, count: int) -> None:
    def reached() -> bool:
        assert driver.poll() is None, "it ended before it could be killed"
        return len(parts(out)) >= count

    wait_until(reached, f"{count} parts are not reached")


def wait_until(reached: Any, complaint: str) -> None:
    until = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < until, complaint
        time.sleep(0.01)


def kill_a_worker_after(driver: subprocess.Popen[bytes], out: Path, count: int, chance: random.Random) -> None:
    wait_for(driver, out, count)
    time.sleep(chance.random() / 20)
    workers = [pid for pid in descendants(driver.pid) if "RayWorker" in read(pid, "cmdline")]
    assert workers
    with suppress(ProcessLookupError):
        os.kill(chance.choice(workers), signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return all processes below `pid`."""
    names = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    parents = {int(name): parent_of(int(name)) for name in names}
    found, below = [], {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below}
        found += below
    return found


def parent_of(pid: int) -> int:
    fields = read(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def is_alive(pid: int) -> bool:
    return read(pid, "stat").rpartition(")")[2].split()[:1] not in ([], ["Z"])


def read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.slow
def test_synth_makes_the_same_files_though_a_worker_is_killed(tmp_path: Path) -> None:
    for number in range(12):
        write_picture(tmp_path / "in" / f"{number}.png", number, side=400)
    words = ["synth", str(tmp_path / "in"), "OUT", "--distortions", "gaussian_blur,jpeg,white_noise", "-n", "8"]
    alone = [*words[:2], str(tmp_path / "alone"), *words[3:], "--jobs", "1"]
    assert subprocess_dheads(*alone).returncode == 0
    out = tmp_path / "out"
    arguments = [*words[:2], str(out), *words[3:], "--jobs", "2", "--on", "ray"]
    with started(arguments) as driver:
        wait_until(lambda: driver.poll() is not None or list(out.glob("*.png")), "nothing is made")
        workers = [pid for pid in descendants(driver.pid) if "ray::_call" in read(pid, "cmdline")]
        assert workers
        os.kill(workers[0], signal.SIGKILL)
        assert driver.wait(PATIENCE) == 0
    made = {file.name: file.read_bytes() for file in out.glob("*.*") if file.suffix in (".png", ".csv")}
    assert made == {file.name: file.read_bytes() for file in (tmp_path / "alone").glob("*.*") if file.name in made}
    assert len(made) == 12 * 8 + 1
