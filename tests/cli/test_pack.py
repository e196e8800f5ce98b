from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture
from helpers.contracts import assert_valid


def test_pack_writes_a_package_and_says_what_is_left_to_do(
    dheads: Dheads, home: Path, ref: BackboneRef, tmp_path: Path
) -> None:
    attach(home, ref, "rain", license="MIT")
    out = tmp_path / "new" / "rain"
    done = dheads("pack", "rain", "--out", out)
    assert (done.code, done.lines) == (0, [f"wrote {out}: dheads-rain 0.1.0, MIT"])
    assert "remove-head rain" in done.error
    assert (out / "src" / "dheads_rain" / "rain.safetensors").is_file()


def test_nothing_is_overwritten_or_written_in_vain(
    dheads: Dheads, home: Path, ref: BackboneRef, tmp_path: Path
) -> None:
    attach(home, ref, "rain", license="All rights reserved")
    out = tmp_path / "out"
    assert "SPDX" in dheads("pack", "rain", "--out", out).error
    assert not out.exists()
    attach(home, ref, "rain", license="MIT")
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert "--force" in dheads("pack", "rain", "--out", out).error
    assert [file.name for file in out.iterdir()] == ["notes.txt"]
    assert dheads("pack", "rain", "--out", out, "--force").code == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert "is a file" in dheads("pack", "rain", "--out", out / "notes.txt").error


def test_thresholds_of_ones_own_go_with_the_heads(
    dheads: Dheads, own_heads: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = [write_picture(tmp_path / "clean" / f"{seed}.png", seed) for seed in range(14)]
    options = ("--false-alarms", "20%", "--confidence", "80%", "--heads", "always", "--profile", "street")
    assert dheads("calibrate", "--clean", clean[0].parent, *options).code == 0
    pack = ("pack", *own_heads, "--name", "dheads-both", "--out", tmp_path / "out", "--profile")
    assert "no threshold for the head 'never_here'" in dheads(*pack, "street").error
    assert "no profile 'lane' (there are: street)" in dheads(*pack, "lane").error
    done = dheads("pack", "always", "--out", tmp_path / "out", "--profile", "street")
    assert done.code == 0, done.err
    monkeypatch.syspath_prepend(tmp_path / "out" / "src")
    (spec,) = importlib.import_module("dheads_always").dheads_heads()
    assert [file.name for file in spec.profiles] == ["street.json"]
    assert_valid("profile", json.loads(spec.profiles[0].read_text()))


def test_search_lists_heads_by_family(dheads: Dheads, own_heads: tuple[str, str]) -> None:
    done = dheads("plugins", "--search", "ODD", "--json")
    (found,) = map(json.loads, done.lines)
    assert (found["label"], found["family"], found["weights"]) == ("always", "odd", True)
    every = [json.loads(line) for line in dheads("plugins", "--search", "--json").lines]
    for line in every:
        assert_valid("search", line)
    assert {"always", "never_here", "jpeg"} <= {head["label"] for head in every}
    assert [head["family"] for head in every] == sorted(head["family"] for head in every)
    blurs = dheads("plugins", "--search", "blur").lines
    assert blurs[0].split() == ["family", "label", "title", "from", "weights"]
    assert blurs[1].split()[:2] == ["blur", "blur"]
    nothing = dheads("plugins", "--search", "no such thing")
    assert (nothing.code, nothing.out) == (1, "")
    assert "no such thing" in nothing.error
