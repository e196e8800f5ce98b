"""Processes are killed at random moments: nothing is lost, nothing comes twice, nothing goes on running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from batch.conftest import write_table, write_tar
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.pictures import prediction_to_dict
from helpers.command_line import COMMAND, subprocess_dheads, write_picture

pytest.importorskip("ray")

HEADS = "white_noise,jpeg,gaussian_blur"
PATIENCE = 600
FILES, LISTS = 561, 116


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    """560 files of 40 pictures, and a broken one; ten more pictures in a table and a tar: `LISTS` lists."""
    pictures = [write_picture(tmp_path / "made" / f"{number:03d}.png", number, side=480) for number in range(40)]
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(FILES - 1):
        (folder / f"{number:03d}.png").hardlink_to(pictures[number % len(pictures)])
    (folder / "broken.png").write_bytes(b"no picture")
    data = [file.read_bytes() for file in pictures[:10]]
    table = write_table(tmp_path / "t.parquet", [{"bytes": content} for content in data[:7]], group=5)
    tar = write_tar(tmp_path / "t.tar", {f"{i}.png": content for i, content in enumerate(data[7:])})
    return [str(folder), str(table), str(tar)]


def command(inputs: list[str], out: Path) -> list[str]:
    return ["predict", *inputs, "--on", "ray", "--jobs", "2", "--part-size", "5", "--heads", HEADS, "--out", str(out)]


@pytest.mark.slow
def test_killed_workers_and_killed_drivers_cost_nothing(inputs: list[str], tmp_path: Path) -> None:
    """Two drivers are killed, and five workers: two below each of these drivers, one below the one that ends."""
    out, chance = tmp_path / "out", random.Random(time.time_ns())
    before: dict[str, int] = {}
    for _ in range(2):
        with started(command(inputs, out)) as driver:
            kill_a_worker_after(driver, out, len(before) + 1, chance)
            kill_a_worker_after(driver, out, len(before) + 2 + chance.randrange(6), chance)
            wait_for(driver, out, len(before) + 9 + chance.randrange(6))
            time.sleep(chance.random() / 5)
            left = descendants(driver.process.pid)
            driver.process.kill()
        wait_until(lambda left=left: not any(map(is_alive, left)), "processes of the killed run go on")
        after = parts(out)
        assert before.items() <= after.items(), "a part was written again"
        assert len(before) < len(after) < LISTS, "the driver was not killed in the middle"
        before = after
    with started(command(inputs, out)) as driver:
        kill_a_worker_after(driver, out, len(before) + 1, chance)
        assert driver.ends_with(1)  # for the broken picture
    assert before.items() <= parts(out).items()
    check(inputs, out)
    again = subprocess_dheads(*command(inputs, out))
    said = f"wrote {out}: 0 pictures in 0 parts, {LISTS} parts were there\n"
    assert (again.returncode, again.stdout) == (0, said)


def check(inputs: list[str], out: Path) -> None:
    """Compare with what `predict` says of each picture, to the last digit."""
    import pyarrow.dataset

    rows: list[dict[str, Any]] = pyarrow.dataset.dataset(out).to_table().to_pylist()
    folder, table, tar = inputs
    files = sorted(str(file) for file in Path(folder).iterdir())
    names = [f"{table}#{i}" for i in range(7)] + [f"{tar}#{i}.png" for i in range(3)]
    assert sorted(row["path"] for row in rows) == sorted([*files, *names])
    assert len({(row["part"], row["row"]) for row in rows}) == len(rows) == FILES + 10
    assert [row["path"] for row in rows if row["error"] is not None] == [f"{folder}/broken.png"]
    same_as = dict(zip(names, files, strict=False))
    predictor = Predictor(HEADS.split(","), threads=1)
    wanted: dict[int, dict[str, Any]] = {}
    for row in (row for row in rows if row["error"] is None):
        path = same_as.get(row["path"], row["path"])
        picture = Path(path).stat().st_ino
        if picture not in wanted:
            wanted[picture] = prediction_to_dict(predictor.predict(path))
        assert row["families"] == wanted[picture]["families"]
        heads = wanted[picture]["heads"]
        assert [(h["label"], h["probability"], h["severity"]) for h in row["heads"]] == [
            (h["label"], h["probability"], h["severity"]) for h in heads
        ]
    assert not list(out.glob("_at-*"))


@contextmanager
def started(arguments: list[str]) -> Iterator[Driver]:
    with tempfile.TemporaryFile() as said:
        driver = subprocess.Popen([*COMMAND, *arguments], stdout=said, stderr=said)
        try:
            yield Driver(driver, said)
        finally:
            driver.kill()
            driver.wait(PATIENCE)


@dataclass(frozen=True)
class Driver:
    """A running command, and what it has said so far."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    @property
    def said(self) -> str:
        self.output.seek(0)
        return self.output.read().decode()

    def runs(self) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.poll()}: {self.said}"
        return True

    def ends_with(self, status: int) -> bool:
        assert self.process.wait(PATIENCE) == status, self.said
        return True


def parts(out: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in out.glob("part-*.parquet")}


def wait_for(driver: Driver, out: Path, count: int) -> None:
    def reached() -> bool:
        return driver.runs() and len(parts(out)) >= count

    wait_until(reached, f"{count} parts are not reached")


def wait_until(reached: Any, complaint: str) -> None:
    until = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < until, complaint
        time.sleep(0.01)


def kill_a_worker_after(driver: Driver, out: Path, count: int, chance: random.Random) -> None:
    """Kill a worker that works, once there are `count` parts."""
    wait_for(driver, out, count)
    time.sleep(chance.random() / 5)
    assert len(parts(out)) < LISTS, "all was done before a worker could be killed"
    kill_one(driver, "RayWorker.run", chance)


def kill_one(driver: Driver, title: str, chance: random.Random) -> None:
    """Kill one of the driver's processes of this title, which it has while it works."""

    def killed() -> bool:
        driver.runs()
        workers = [pid for pid in descendants(driver.process.pid) if title in read(pid, "cmdline")]
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            return False
        return True

    wait_until(killed, "no worker works")


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
        wait_until(lambda: driver.runs() and list(out.glob("*.png")), "nothing is made")
        kill_one(driver, "ray::_call", random.Random(time.time_ns()))
        assert driver.ends_with(0)
    made = {file.name: file.read_bytes() for file in out.glob("*.*") if file.suffix in (".png", ".csv")}
    assert made == {file.name: file.read_bytes() for file in (tmp_path / "alone").glob("*.*") if file.name in made}
    assert len(made) == 12 * 8 + 1


@pytest.mark.slow
def test_features_of_train_are_the_same_though_a_worker_is_killed(tmp_path: Path) -> None:
    for number in range(12):
        write_picture(tmp_path / "in" / f"{number}.png", number, side=360)
    words = ["train", "--families", "--images", str(tmp_path / "in"), "--fit-pictures", "100", "--hold-pictures", "50"]
    with started([*words, "--workers", "2", "--out", str(tmp_path / "alone")]) as plain:
        assert plain.ends_with(0)
    out = tmp_path / "out"
    with started([*words, "--workers", "2", "--on", "ray", "--out", str(out)]) as driver:
        kill_one(driver, "ray::_call", random.Random(time.time_ns()))
        assert driver.ends_with(0)
    made = {file.name: file.read_bytes() for file in out.rglob("*.safetensors")}
    assert made == {file.name: file.read_bytes() for file in (tmp_path / "alone").rglob("*.safetensors")}
    assert len(made) > 4
