"""`dheads calibrate`, and the profiles that it makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.command_line import Dheads, write_picture
from helpers.contracts import assert_valid

OPTIONS = ("--false-alarms", "20%", "--confidence", "80%", "--heads", "always,never_here")


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    for seed in range(14):
        write_picture(tmp_path / "clean" / f"{seed}.png", seed)
    return tmp_path / "clean"


def test_no_more_clean_pictures_than_promised_have_an_alarm(
    dheads: Dheads, own_heads: tuple[str, str], clean: Path
) -> None:
    plain = dheads("predict", clean, "--heads", "always,never_here", "--json")
    assert all(json.loads(line)["families"][0]["present"] for line in plain.lines)
    made = dheads("calibrate", "--clean", clean, *OPTIONS)
    assert made.code == 0, made.err
    assert "false alarms of any family on at most 20 % of clean pictures (confidence 80 %)" in made.out
    assert "14 had" in made.out
    profiled = dheads("predict", clean, "--heads", "always,never_here", "--json", "--profile", "default")
    answers = [json.loads(line) for line in profiled.lines]
    fired = [any(family["present"] for family in answer["families"]) for answer in answers]
    assert sum(fired) <= 0.2 * len(fired)
    assert [a["families"][0]["probability"] for a in answers] == [
        json.loads(line)["families"][0]["probability"] for line in plain.lines
    ]


def test_labelled_faults_raise_the_threshold_to_the_best_f1(
    dheads: Dheads, own_heads: tuple[str, str], clean: Path, tmp_path: Path
) -> None:
    write_picture(tmp_path / "faulty.png", 99, side=200)
    (tmp_path / "faults.csv").write_text("path,label\nfaulty.png,always + even\n")
    made = dheads("calibrate", "--clean", clean, *OPTIONS, "--each", "--faults", tmp_path / "faults.csv")
    assert made.code == 0, made.err
    assert "recall" in made.out
    rows = {line.split()[0]: line.split() for line in made.lines if line.startswith(("always", "never"))}
    head, threshold, was, alarms, _, clean_pictures, were, faults, recall, *_ = rows["always"]
    assert (head, was, clean_pictures, were, faults) == ("always", "0.000", "14", "14", "1")
    assert float(threshold) > 0
    assert int(alarms) <= 0.2 * 14
    assert recall in ("100.0", "0.0")
    assert len(rows["never_here"]) == 7  # no fault of it was given
    (tmp_path / "faults.csv").write_text("path,label\nfaulty.png,alway\n")
    wrong = dheads("calibrate", "--clean", clean, *OPTIONS, "--force", "--faults", tmp_path / "faults.csv")
    assert wrong.error.endswith("line 2: no head or family is called 'alway': see `dheads list`")


def test_too_few_pictures_say_how_many_are_needed(dheads: Dheads, own_heads: tuple[str, str], clean: Path) -> None:
    made = dheads("calibrate", "--clean", clean, "--heads", "always")
    assert made.code == 1
    assert "14 clean pictures are too few" in made.error
    assert "346 are needed, 230 with --each" in made.error
    assert not dheads("list", "--profiles").out.startswith("profile")


def test_a_profile_is_listed_shown_and_not_replaced(
    dheads: Dheads, own_heads: tuple[str, str], clean: Path, home: Path
) -> None:
    assert dheads("calibrate", "--clean", clean, *OPTIONS, "--profile", "own").code == 0
    assert (
        "exists: replace it with --force" in dheads("calibrate", "--clean", clean, *OPTIONS, "--profile", "own").error
    )
    assert dheads("calibrate", "--clean", clean, *OPTIONS, "--profile", "own", "--force").code == 0
    assert_valid("profile", json.loads((home / "profiles" / "own.json").read_text(encoding="utf-8")))
    [listed] = [json.loads(line) for line in dheads("list", "--profiles", "--json").lines]
    assert_valid("profiles", listed)
    assert (listed["name"], listed["rate"], listed["clean"]) == ("own", 0.2, 14)
    assert "(profile own: false alarms of any family" in dheads("show", "always", "--profile", "own").out
    assert "profile" not in dheads("show", "always").out


def test_the_file_of_a_project_names_a_profile(
    dheads: Dheads, own_heads: tuple[str, str], clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert dheads("calibrate", "--clean", clean, *OPTIONS, "--profile", "own").code == 0
    (tmp_path / "dheads.toml").write_text('profile = "own"\n')
    predict = ("predict", clean / "1.png", "--json", "--heads", "always")
    by_file, plain = dheads(*predict), dheads(*predict, "--profile", "none")
    assert "names the profile own" in by_file.err
    assert json.loads(by_file.out)["heads"][0]["threshold"] > 0
    assert json.loads(plain.out)["heads"][0]["threshold"] == 0
    assert plain.err == ""


def test_every_command_that_decides_takes_a_profile(
    dheads: Dheads, own_heads: tuple[str, str], clean: Path, tmp_path: Path
) -> None:
    pytest.importorskip("jinja2")
    assert dheads("calibrate", "--clean", clean, *OPTIONS, "--profile", "own").code == 0
    heads, own = ("--heads", "always,never_here"), ("--profile", "own")
    heat = ("predict", clean, *heads, "--json", "--heat", tmp_path / "maps")
    plain, profiled = (["areas" in str(line) for line in dheads(*heat, *more).lines] for more in ((), own))
    assert sum(plain) == 14
    assert sum(profiled) <= 0.2 * 14
    page = tmp_path / "page.html"
    assert dheads("report", clean, *heads, "--out", page).code == 0
    assert page.read_text().count('"state": "distorted"') == 14
    assert dheads("report", clean, *heads, *own, "--out", page).code == 0
    assert page.read_text().count('"state": "distorted"') <= 0.2 * 14
    assert "profile own: false alarms of any family on at most 20 %" in page.read_text()
    by_family = ("sort", clean, *heads, "--into", tmp_path / "sorted", "--copy", "--by-family")
    assert dheads(*by_family).out.count("/sorted/odd/") == 14
    assert dheads(*by_family, *own).out.count("/sorted/clean/") >= 0.8 * 14


def test_a_profile_for_other_heads_is_one_line(dheads: Dheads, own_heads: tuple[str, str], clean: Path) -> None:
    assert dheads("calibrate", "--clean", clean, *OPTIONS).code == 0
    wrong = dheads("predict", clean, "--profile", "default", "--heads", "blur")
    assert wrong.code == 1
    assert "profile 'default' has no threshold for the head 'blur'" in wrong.error


@pytest.mark.parametrize("text", ["0", "100%", "1.5", "some", "-1%"])
def test_a_share_is_above_nothing_and_below_all(dheads: Dheads, clean: Path, text: str) -> None:
    made = dheads("calibrate", "--clean", clean, "--false-alarms", text)
    assert made.code == 2
    assert "no share like 1% or 0.01" in made.error
