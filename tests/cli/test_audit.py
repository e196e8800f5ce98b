"""`dheads audit`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from helpers.command_line import Dheads, write_picture
from helpers.contracts import assert_valid


@pytest.fixture
def rain(tmp_path: Path) -> Path:
    """Four scenes with rain and four others without."""
    for seed in range(4):
        write_picture(tmp_path / "data" / "rain" / f"rainy{seed}.png", seed)
        write_picture(tmp_path / "data" / "clean" / f"dry{seed}.png", seed + 10)
    return tmp_path / "data"


def test_sound_dataset(dheads: Dheads, rain: Path) -> None:
    result = dheads("audit", rain)
    assert (result.code, result.err) == (0, "")
    assert "holds      8 records of 8 scenes, 1 labels" in result.lines
    assert result.lines[-1] == "nothing is wrong"


def test_leaky_split_in_pickles(dheads: Dheads, rain: Path, tmp_path: Path) -> None:
    write_picture(rain / "clean" / "rainy0.png", 40)
    for part, names in {"train": ["rainy0.png", "dry0.png"], "test": ["clean/rainy0.png", "dry1.png"]}.items():
        (tmp_path / f"{part}.pkl").write_bytes(
            pickle.dumps(["rain/rainy0.png" if n == "rainy0.png" else n for n in names])
        )
    result = dheads("audit", rain, "--split", tmp_path / "train.pkl", "--split", tmp_path / "test.pkl", "--json")
    (line,) = result.lines
    found = json.loads(line)
    assert_valid("audit", found)
    assert (result.code, found["sound"]) == (1, False)
    shared = next(finding for finding in found["findings"] if finding["check"] == "shared scenes")
    assert (shared["grade"], shared["count"], shared["examples"]) == ("wrong", 1, ["rainy0"])


def test_findings_are_lines(dheads: Dheads, rain: Path) -> None:
    write_picture(rain / "clean" / "again.png", 0)
    result = dheads("audit", rain, "--judge", "0")
    assert result.code == 1
    (line,) = [line for line in result.lines if line.startswith("wrong: 2 of 9: conflicting labels")]
    assert "again.png = rainy0.png" in line


def test_mistakes(dheads: Dheads, rain: Path, tmp_path: Path) -> None:
    assert "no such folder" in dheads("audit", tmp_path / "nothing").error
    assert dheads("audit", rain, "--kind", "coco").code == 2
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    result = dheads("audit", rain, "--split", tmp_path / "evil.pkl")
    assert result.code == 1
    assert "more than lists of names (GLOBAL 'os system')" in result.error


def test_types_that_cannot_be_read_are_a_finding(dheads: Dheads, rain: Path) -> None:
    (rain / "clean" / "new.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    result = dheads("audit", rain, "--judge", "0")
    assert result.code == 1
    assert "unreadable: files cannot be read (new.jxl: cannot be read here: a JPEG XL picture" in result.out
