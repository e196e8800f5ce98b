"""`predict --resume`, and how fast long work is said to go."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dheads_cli.output.progress import REAL_TIME, Lines, Pace, left_text, rate_text
from helpers.command_line import Dheads
from helpers.video_clips import grey, write_clip

HEADS = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def paths_in(file: Path) -> list[str]:
    if file.suffix == ".csv":
        with file.open(newline="") as stream:
            return [row["path"] for row in csv.DictReader(stream)]
    return [json.loads(line)["path"] for line in file.read_text().splitlines()]


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.csv"])
def test_a_run_goes_on_where_it_was(dheads: Dheads, pictures: list[Path], tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    whole = tmp_path / f"whole-{name}"
    assert dheads("predict", *HEADS, pictures[0].parent, "--resume", whole).code == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-2]) + lines[-2][:20])  # killed while it wrote
    resumed = dheads("predict", *HEADS, pictures[0].parent, "--resume", file)
    assert resumed.code == 0, resumed.err
    assert f"note: 1 of 3 are in {file} already" in resumed.err
    assert file.read_bytes() == whole.read_bytes()
    assert paths_in(file) == sorted(map(str, pictures))
    again = dheads("predict", *HEADS, pictures[0].parent, "--resume", file)
    assert again.code == 0
    assert file.read_bytes() == whole.read_bytes()


def test_the_answers_are_those_of_other_forms(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    dheads("predict", *HEADS, *pictures, "--resume", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == dheads("predict", *HEADS, *pictures, "--json").out
    dheads("predict", *HEADS, *pictures, "--resume", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().decode() == dheads("predict", *HEADS, *pictures, "--csv", "-").out


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.csv"])
def test_answers_of_other_heads_are_not_mixed(dheads: Dheads, pictures: list[Path], tmp_path: Path, name: str) -> None:
    dheads("predict", "--heads", "always", *pictures, "--resume", tmp_path / name)
    mixed = dheads("predict", *HEADS, *pictures, "--resume", tmp_path / name)
    assert mixed.code == 1
    assert "holds answers of other heads or of another backbone" in mixed.error


def test_what_is_no_file_of_answers_is_left_alone(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    for name in ("notes.txt", "notes.csv"):
        for text in ("milk\neggs\n", "milk\neggs", "milk"):
            (tmp_path / name).write_text(text)
            wrong = dheads("predict", *HEADS, *pictures, "--resume", tmp_path / name)
            assert wrong.code == 1
            assert name in wrong.error
            assert (tmp_path / name).read_text() == text
    for other in (("--json",), ("--csv", "-")):
        assert dheads("predict", *pictures, "--resume", tmp_path / "a.jsonl", *other).code == 2
    assert dheads("predict", *pictures, "--resume", pictures[0]).code == 2


def test_videos_go_on_as_json_alone(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [grey(level) for level in (40, 80, 120)])
    assert dheads("predict", *HEADS, pictures[0], clip, "--resume", tmp_path / "a.jsonl").code == 0
    done = dheads("predict", *HEADS, pictures[0], clip, pictures[1], "--resume", tmp_path / "a.jsonl")
    assert "2 of 3 are in" in done.err
    assert paths_in(tmp_path / "a.jsonl") == [str(pictures[0]), str(clip), str(pictures[1])]
    refused = dheads("predict", *HEADS, clip, "--resume", tmp_path / "a.csv")
    assert refused.code == 2
    assert "give it a .jsonl file" in refused.error


def test_the_pace_forgets_a_slow_start() -> None:
    pace = Pace()
    assert pace.rate(0, 100.0) is None
    assert pace.rate(10, 120.0) == 0.5
    for second in range(121, 200):
        rate = pace.rate(10 + 4 * (second - 120), float(second))
    assert rate == pytest.approx(4)
    assert pace.rate(0, 201.0) is None  # a stage begins


def test_paces_are_told_in_words() -> None:
    assert [rate_text(rate, "pictures") for rate in (0.02, 0.44, 12.3)] == [
        "1.2 pictures/min",
        "0.4 pictures/s",
        "12 pictures/s",
    ]
    assert rate_text(1.46, REAL_TIME) == "1.5 x real time"
    assert [left_text(seconds) for seconds in (5, 125, 3725)] == ["0:05 left", "2:05 left", "1:02:05 left"]


def test_a_log_says_how_fast_it_goes_and_how_long_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("dheads_cli.output.progress.EVERY", 10.0)
    lines = Lines()
    for done in range(12):
        now = 2.0 * done
        lines.show(done, 100, "photos", unit="pictures")
    assert capsys.readouterr().err.splitlines() == [
        "dheads: photos, 5%, 0.5 pictures/s, 3:10 left",
        "dheads: photos, 10%, 0.5 pictures/s, 3:00 left",
    ]
    now = 40.0
    lines.show(125, 100, "photos", unit="pictures")
    assert capsys.readouterr().err.startswith("dheads: photos, 100%, ")
    now = 51.0
    lines.show(150, 100, "photos", unit="pictures")
    assert "left" not in capsys.readouterr().err.replace(", 0:00 left", "")
