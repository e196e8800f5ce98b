from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dheads_cli.main import run as dheads
from distortion_heads.errors import DataError
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.plan import Severities, SynthPlan, parse_mixture, parse_severities
from distortion_heads.synthesis.sheet import contact_sheet


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        ("3", Severities(low=3, high=3, levels=(3,))),
        ("5, 1.5,5", Severities(low=1.5, high=5, levels=(5, 1.5))),
        ("1-5", Severities(low=1, high=5)),
        ("2.5-4", Severities(low=2.5, high=4)),
    ],
)
def test_severities_are_levels_or_a_range(text: str, severities: Severities) -> None:
    assert parse_severities(text) == severities


@pytest.mark.parametrize("text", ["", "0", "6", "1,x", "5-1", "3-3", "1-3-5", "1,2-3", "nan", "-1", "0-5", "1-5.1"])
def test_other_severities_are_wrong_usage(text: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dheads(["synth", str(photos), "out", f"--severities={text}"]) == 2
    assert "as 1,3,5 or as a range 1-5" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "mixture"), [("1", (1, 1)), ("3", (3, 3)), ("1-3", (1, 3)), ("2-2", (2, 2))])
def test_a_mixture_is_a_number_or_a_range(text: str, mixture: tuple[int, int]) -> None:
    assert parse_mixture(text) == mixture


@pytest.mark.parametrize("text", ["0", "4", "3-1", "1-2-3", "x", "", "1.5"])
def test_other_mixtures_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="1 to 3"):
        parse_mixture(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--distortions", "jpg"], "did you mean jpeg"),
        (["--distortions", ","], "names no distortion"),
        (["--mix", "2"], "--per-image"),
        (["--mix", "2", "-n", "1", "--distortions", "jpeg,jpeg2000"], "of 2 families"),
        (["-n", "0"], "-n"),
        (["--seed", "-1"], "--seed"),
        (["--jobs", "0"], "--jobs"),
        (["--format", "jpg"], "--format"),
        (["--interval", "2s"], "as 2s-5s"),
        (["--interval", "5s-2s"], "let it end later"),
        (["--interval", "a-b"], "as 2s-5s"),
        (["--bit-rate", "1M"], "lossless"),
        (["--codec", "h264", "--bit-rate", "fast"], "800k"),
        (["--codec", "mpeg4", "--crf", "20"], "crf"),
        (["--codec", "av1"], "--codec"),
    ],
)
def test_wrong_usage_makes_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert dheads(["synth", str(photos), str(tmp_path / "out"), *options]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert len(text.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_output_folder_is_needed(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dheads(["synth", str(photos)]) == 2
    assert "output folder" in capsys.readouterr().err


def test_a_head_without_synthesizer_is_refused(bank: dict[str, HeadSpec]) -> None:
    with pytest.raises(DataError, match="no synthesizer"):
        SynthPlan(specs=(replace(bank["jpeg"], synthesize=None),), severities=parse_severities("3"))


def test_the_command_says_what_it_did(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["synth", str(photos), str(tmp_path / "out"), "--distortions", "jpeg", "--jobs", "1"]
    assert dheads(arguments) == 0
    assert capsys.readouterr() == (
        f"{tmp_path / 'out'}: 10 made\n",
        "dheads: 10 files to make from 2 inputs, about 1 MB\n",
    )
    assert dheads(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 0 made, 10 there already\n"


def test_sheet_has_a_row_for_each_distortion_and_a_column_for_each_severity(bank: dict[str, HeadSpec]) -> None:
    specs = [bank[label] for label in ("jpeg", "darken", "mean_shift")]
    pixels = np.full((60, 80, 3), 200, np.uint8)
    sheet = np.asarray(contact_sheet(pixels, specs, cell_width=40))
    assert sheet.shape[0] > 3 * 30
    rows = [sheet[26 + 34 * i + 15] for i in range(3)]  # jpeg's family comes first, then exposure by label
    darken = [int(rows[1][172 + 44 * column + 20].mean()) for column in range(5)]
    assert darken == sorted(darken, reverse=True)
    assert darken[0] - darken[4] > 40
    jpeg = [int(rows[0][172 + 44 * column + 20].mean()) for column in range(5)]
    assert jpeg == pytest.approx([200] * 5, abs=12)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
def test_sheet_is_written(photos: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"sheet{suffix}"
    assert dheads(["synth", "--sheet", str(file), str(photos / "b.png"), "--distortions", "jpeg,smoke"]) == 0
    with Image.open(file) as sheet:
        assert sheet.width > 5 * 48


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--sheet", "x.gif", "b.png"], 2, "written as"),
        (["--sheet", "x.png", "b.png", "out"], 2, "one picture"),
        (["--sheet", "x.png", "absent.png"], 1, "absent.png"),
        (["--sheet", "absent/x.png", "b.png"], 1, "cannot be written"),
    ],
)
def test_a_sheet_that_cannot_be_drawn(
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(photos)
    assert dheads(["synth", "--distortions", "jpeg", *arguments]) == status
    assert said in capsys.readouterr().err


def test_a_run_ends_with_a_table_of_what_was_made(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["synth", str(photos), str(tmp_path / "out"), "--jobs", "1", "--distortions", "darken,brighten"]
    assert dheads([*arguments, "--severities", "2,4"]) == 0
    files = 2 * len(list(photos.iterdir()))
    assert capsys.readouterr().out.splitlines() == [
        "distortion  files",
        f"brighten    {files}",
        f"darken      {files}",
        "",
        f"{tmp_path / 'out'}: {2 * files} made",
    ]
    mixed = [*arguments[:2], str(tmp_path / "mixed"), "--jobs", "1", "--distortions", "darken,jpeg", "--mix", "1-2"]
    assert dheads([*mixed, "-n", "8"]) == 0
    assert "mixtures of 2  " in capsys.readouterr().out
