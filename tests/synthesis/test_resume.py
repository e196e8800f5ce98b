from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_cli.main import run as dheads
from distortion_heads.errors import DataError
from distortion_heads.io.images import load_image
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis import work as synth_work
from distortion_heads.synthesis.plan import parse_severities
from helpers.synth_runs import assert_same_output, contents, finish, make_run, manifest, save_photo


def test_what_is_there_is_not_made_again(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(make_run(bank, photos, out, keep_codec=True))
    before = contents(out)
    for name in ("b.png.white_noise-3.png", "deep/a.jpg.jpeg-5.jpg", "manifest.csv"):
        (out / name).unlink()
    (out / "b.png.jpeg-1.jpg").write_bytes(b"")  # as after a power cut
    times = {file: file.stat().st_mtime_ns for file in out.rglob("*.png")}
    outcomes = finish(make_run(bank, photos, out, keep_codec=True))
    assert sum(outcome.made for outcome in outcomes) == 3
    assert contents(out) == before
    assert all(file.stat().st_mtime_ns == time for file, time in times.items())


@pytest.mark.parametrize(("format_", "keep_codec"), [("png", True), ("webp", False)])
def test_what_a_power_cut_has_shortened_is_made_again(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, format_: str, keep_codec: bool
) -> None:
    out, changes = (
        tmp_path / "out",
        {"format": format_, "keep_codec": keep_codec, "labels": "white_noise,jpeg,jpeg2000"},
    )
    finish(make_run(bank, photos, out, **changes))
    before = contents(out)
    cut = [out / name for name in before if name.endswith(("noise-3.png", "-3.webp", "-3.jpg", "-3.jp2"))]
    for file, left in zip(cut, (0.99, 0.5) * 9, strict=False):
        file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    assert len(cut) == 6
    assert sum(outcome.made for outcome in finish(make_run(bank, photos, out, **changes))) == 6
    assert contents(out) == before


def test_a_picture_is_decoded_once_for_all_of_its_tasks(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def load(path: str, max_pixels: int) -> NDArray[np.uint8]:
        decoded.append(Path(path).name)
        return load_image(path, max_pixels=max_pixels)

    monkeypatch.setattr(synth_work, "load_image", load)
    outcomes = finish(make_run(bank, photos, tmp_path / "out", per_image=70))
    assert len(outcomes) == 6
    assert decoded == ["b.png", "a.jpg"]


def test_new_pictures_are_added_in_their_place(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(make_run(bank, photos, out, "jpeg"))
    save_photo(photos / "c.png")
    assert sum(outcome.made for outcome in finish(make_run(bank, photos, out, "jpeg"))) == 3
    assert list(dict.fromkeys(Path(row["source"]).name for row in manifest(out))) == ["b.png", "c.png", "a.jpg"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "seed 0, not 1"),
        ({"labels": "white_noise"}, "other distortions"),
        ({"severities": parse_severities("1-5")}, "severities"),
        ({"per_image": 2}, "per_image null, not 2"),
        ({"format": "webp"}, "format"),
        ({"keep_codec": True}, "keep_codec"),
        ({"compress": 6}, "compress 0, not 6"),
    ],
)
def test_another_run_does_not_go_on_in_its_place(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    out = tmp_path / "out"
    finish(make_run(bank, photos, out))
    before = contents(out)
    with pytest.raises(DataError, match=f"holds a run with {named}.*choose another"):
        finish(make_run(bank, photos, out, **changes))
    assert contents(out) == before


def test_two_runs_at_once_are_refused(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    first = make_run(bank, photos, tmp_path / "out").outcomes()
    with contextlib.closing(first):
        next(first)
        with pytest.raises(
            DataError, match=r"another dheads synth is writing to .*out: wait for it, or choose another OUT$"
        ):
            finish(make_run(bank, photos, tmp_path / "out"))


def test_a_stopped_run_leaves_only_whole_files_and_goes_on(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    finish(make_run(bank, photos, tmp_path / "whole"))
    stopped = make_run(bank, photos, tmp_path / "out").outcomes()
    next(stopped)
    stopped.close()
    found = contents(tmp_path / "out")
    assert "manifest.csv" not in found
    assert len(found) == 7
    finish(make_run(bank, photos, tmp_path / "out"))
    assert_same_output(tmp_path / "out", tmp_path / "whole")


def test_a_broken_picture_is_told_once_and_skipped(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "a_broken.png").write_bytes(b"no picture")
    status = dheads(["synth", str(photos), str(tmp_path / "out"), "--jobs", "1", "--distortions", "jpeg", "-n", "70"])
    text = capsys.readouterr()
    assert status == 1
    assert text.err.count("a_broken.png") == 1
    assert "140 made" in text.out
    assert len(manifest(tmp_path / "out")) == 140


def fails_often(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    if severity > 2:
        raise ZeroDivisionError("two\nlines")
    return image


def test_a_failing_plugin_spoils_its_pictures_only(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    bad = replace(bank["jpeg"], label="bad", synthesize=fails_often)
    outcomes = finish(make_run({**bank, "bad": bad}, photos, tmp_path / "out", "bad,jpeg"))
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert problems[0] == f"{photos / 'b.png'}: bad-3: ZeroDivisionError: two lines"
    assert len(problems) == 4
    assert len(manifest(tmp_path / "out")) == 8


def test_too_many_pixels_are_refused(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "synth",
        str(photos),
        str(tmp_path / "out"),
        "--distortions",
        "jpeg",
        "--max-pixels",
        "1500",
        "--jobs",
        "1",
    ]
    assert dheads(arguments) == 1
    assert "b.png" in capsys.readouterr().err
    assert len(manifest(tmp_path / "out")) == 5


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_full_disk_ends_the_run_without_half_a_file(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(path: Path, data: object) -> int:
        if isinstance(data, bytes):
            with path.open("wb") as stream:
                stream.write(data[:100])
        raise OSError(28, "No space left on device")

    started = make_run(bank, photos, tmp_path / "out").outcomes()
    with contextlib.closing(started):
        next(started)
        before = contents(tmp_path / "out").keys()
        monkeypatch.setattr(synth_work.Path, step, full)
        with pytest.raises(DataError, match="cannot be written: No space left on device"):
            next(started)
    assert {name for name in before if ".partial" not in name} == contents(tmp_path / "out").keys()


def test_a_name_that_gets_too_long_spoils_one_picture(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    save_photo(photos / f"{'n' * 245}.png")
    outcomes = finish(make_run(bank, photos, tmp_path / "out", "jpeg"))
    assert sum(outcome.made for outcome in outcomes) == 6
    assert "too long" in " ".join(problem for outcome in outcomes for problem in outcome.problems)


def test_out_must_be_a_folder(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file cannot be written: .*; choose another OUT$"):
        finish(make_run(bank, photos, tmp_path / "file"))


def test_a_damaged_record_is_refused(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/synth.json").write_text("[")
    with pytest.raises(DataError, match="damaged"):
        finish(make_run(bank, photos, tmp_path / "out"))
