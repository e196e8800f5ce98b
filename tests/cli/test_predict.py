"""`dheads predict`: formats, order, exit status."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from helpers.command_line import Dheads, Result, subprocess_dheads, write_picture

BOTH = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def objects(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.lines]


def test_json_has_the_keys_of_the_design(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--json", *BOTH, pictures[0])
    (found,) = objects(result)
    assert list(found) == ["path", "width", "height", "windows", "backbone", "families", "heads"]
    assert (found["path"], found["width"], found["height"], found["windows"]) == (str(pictures[0]), 64, 64, 1)
    heads = found["heads"]
    assert isinstance(heads, list)
    assert [list(head) for head in heads] == [
        ["label", "family", "probability", "threshold", "present", "severity"]
    ] * 2
    assert [(head["label"], head["family"], head["present"]) for head in heads] == [
        ("always", "odd", True),
        ("never_here", "even", False),
    ]
    assert 1 <= heads[0]["severity"] <= 5
    assert heads[1]["severity"] is None
    assert (result.code, result.err) == (0, "")


def test_second_run_gives_the_same_bytes(pictures: list[Path]) -> None:
    first, second = (subprocess_dheads("predict", "--json", *pictures) for _ in range(2))
    assert len(first.stdout.splitlines()) == 3
    assert first.stdout == second.stdout


def test_results_come_in_the_order_of_the_arguments(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    result = dheads("predict", "--json", pictures[1], missing, pictures[0].parent, pictures[0])
    folder = sorted(map(str, pictures))
    assert [found["path"] for found in objects(result)] == [
        str(pictures[1]),
        str(missing),
        *folder,
        str(pictures[0]),
    ]


def test_list_of_paths_from_standard_input(pictures: list[Path]) -> None:
    done = subprocess_dheads("predict", "--json", "-", stdin="".join(f"{path}\n" for path in pictures))
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(path) for path in pictures]


def test_pattern(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--json", pictures[0].parent / "[ab].*")
    assert [Path(str(found["path"])).name for found in objects(result)] == ["a.png", "b.png"]


def test_plain_text_in_a_pipe(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", *BOTH, *pictures)
    assert len(result.lines) == 3
    for line, path in zip(result.lines, pictures, strict=True):
        name, family, probability, word, severity, kind, share, _ = line.split()
        assert (name, family, word, kind) == (str(path), "odd", "severity", "always")
        assert float(share) == pytest.approx(100 * float(probability), abs=1)  # another kind has the rest
        assert 0 <= float(probability) <= 1
        assert 1 <= float(severity) <= 5
    assert "\x1b" not in result.out
    assert result.out.isascii()
    assert result.err == ""


def test_picture_without_distortion_is_clean(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--heads", "never_here", pictures[0])
    assert result.out.split() == [str(pictures[0]), "clean"]


def test_all_shows_absent_heads_too(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--all", *BOTH, pictures[0])
    assert [line.split()[1] for line in result.lines] == ["odd", "always", "even", "never_here"]
    assert [line.endswith("absent") for line in result.lines] == [False, False, True, True]


def test_heads_are_evaluated_in_the_order_asked_for(dheads: Dheads, pictures: list[Path]) -> None:
    (found,) = objects(dheads("predict", "--json", "--heads", " never_here , always,always", pictures[0]))
    heads = found["heads"]
    assert isinstance(heads, list)
    assert [head["label"] for head in heads] == ["never_here", "always"]


def test_csv_to_a_file(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "results.csv"
    missing = tmp_path / "missing.png"
    result = dheads("predict", "--csv", target, *BOTH, pictures[0], missing)
    assert (result.code, result.out) == (1, "")
    assert str(missing) in result.error
    with target.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [str(pictures[0]), str(missing)]
    assert [row["always_present"] for row in rows] == ["true", ""]
    assert rows[1]["error"] == "no such file or folder"


def test_csv_to_standard_output(pictures: list[Path]) -> None:
    done = subprocess_dheads("predict", "--csv", "-", *BOTH, *pictures)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["path"] for row in rows] == [str(path) for path in pictures]
    assert all(row["never_here_present"] == "false" for row in rows)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("always>=0", True), ("odd > 0", True), ("never_here<0", False), ("even>=1", False)],
)
def test_fail_if(dheads: Dheads, pictures: list[Path], condition: str, holds: bool) -> None:
    result = dheads("predict", "--fail-if", condition, *BOTH, pictures[0])
    assert result.code == (1 if holds else 0)
    assert len(result.lines) == 1
    if holds:
        assert str(pictures[0]) in result.error
        assert condition.replace(" ", "") in result.error
    else:
        assert result.err == ""


def test_one_of_several_conditions_is_enough(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--fail-if", "even<0", "--fail-if", "odd>=0", *BOTH, *pictures)
    assert result.code == 1
    assert len(result.err.splitlines()) == len(result.lines) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--fail-if", "always"), "'blur>0.6'"),
        (("--fail-if", "allways>0.5"), "no head or family is called 'allways'"),
        (("--heads", "allways"), "did you mean always?"),
        (("--heads", " , "), "names no head"),
        (("--json", "--csv", "-"), "cannot go together"),
        (("--max-pixels", "0"), "--max-pixels"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_wrong_usage(dheads: Dheads, pictures: list[Path], arguments: tuple[str, ...], says: str) -> None:
    result = dheads("predict", *arguments, pictures[0])
    assert (result.code, result.out) == (2, "")
    assert says in result.error


def test_no_path_is_wrong_usage(dheads: Dheads) -> None:
    assert dheads("predict").code == 2


def test_path_with_control_characters_stays_one_line(dheads: Dheads, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a\n\x1b[31mb.png")
    result = dheads("predict", *BOTH, path, f"{path}?")
    assert len(result.lines) == 1
    assert "\x1b" not in result.out + result.err
    assert "a\\n\\x1b[31mb.png" in result.lines[0]
    assert "a\\n\\x1b[31mb.png?" in result.error


def test_unknown_device_is_an_error_in_one_line(dheads: Dheads, pictures: list[Path]) -> None:
    pytest.importorskip("torch")
    result = dheads("predict", "--device", "abacus", pictures[0])
    assert result.code == 1
    assert "abacus" in result.error


@pytest.mark.parametrize("name", ["other.png", "a.data"])
def test_csv_never_overwrites_a_picture(dheads: Dheads, tmp_path: Path, name: str) -> None:
    picture = tmp_path / "a.data"
    Image.new("RGB", (40, 40), "white").save(picture, "PNG")
    before = picture.read_bytes()
    result = dheads("predict", "--csv", tmp_path / name, picture)
    assert (result.code, result.out) == (2, "")
    assert "overwrite" in result.error
    assert picture.read_bytes() == before
    assert not (tmp_path / "other.png").exists()
