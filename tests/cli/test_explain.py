"""`dheads explain`: words, figures and pictures of every distortion."""

from __future__ import annotations

import json
import re
from base64 import standard_b64decode
from pathlib import Path

import pytest
from PIL import Image

from dheads_cli.output.inline_pictures import inline_picture, protocol
from distortion_heads.registry.attached import load_registry
from distortion_heads.spec import KIND, TEMPORAL
from helpers import REPOSITORY
from helpers.command_line import Dheads, write_picture
from helpers.contracts import assert_valid


def test_every_built_in_head_says_what_mends_it() -> None:
    heads = [head.spec for head in load_registry().heads.values()]
    assert all(spec.remedy.endswith(".") for spec in heads)
    unmeasured = {spec.label for spec in heads if spec.mistaken_for is None}
    assert unmeasured == {spec.label for spec in heads if spec.scope != KIND or spec.view == TEMPORAL}


def test_confusions_are_those_of_the_committed_report() -> None:
    script = REPOSITORY / "scripts" / "mistaken"
    scope: dict[str, object] = {"__file__": str(script), "__name__": "mistaken"}
    exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), scope)
    taken_for = scope["taken_for"]
    assert callable(taken_for)
    report = json.loads((REPOSITORY / "docs" / "bench" / "accuracy" / "report.json").read_text(encoding="utf-8"))
    kept = json.loads((REPOSITORY / "plugins" / "dheads_plugins" / "mistaken.json").read_text(encoding="utf-8"))
    assert taken_for(report) == kept
    assert kept["taken_for"]["gaussian_blur"]["lens_blur"] > 0


def test_a_kind_is_explained_and_drawn(dheads: Dheads, tmp_path: Path) -> None:
    told = dheads("explain", "gaussian_blur", "--picture", tmp_path / "a.png")
    assert told.code == 0, told.err
    assert "Smoothed evenly in all directions" in told.out
    assert "unsharp masking" in told.out
    assert "lens blur 1" in told.out
    assert told.lines[-1] == f"examples: {tmp_path / 'a.png'}"
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > 5 * 170


def test_the_example_may_be_ones_own(dheads: Dheads, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "own.png")
    dheads("explain", "jpeg", "--picture", tmp_path / "a.webp", "--example", picture)
    dheads("explain", "jpeg", "--picture", tmp_path / "b.webp")
    assert (tmp_path / "a.webp").read_bytes() != (tmp_path / "b.webp").read_bytes()
    assert "is written as" in dheads("explain", "jpeg", "--picture", tmp_path / "a.txt").error


def test_a_family_lists_its_kinds(dheads: Dheads) -> None:
    known = json.loads(dheads("explain", "blur", "--json").out)
    assert_valid("explain", known)
    assert_valid("explain", json.loads(dheads("explain", "jpeg", "--json").out))
    assert known["scope"] == "family"
    assert 0 < known["mistaken_for"]["light"] < 0.1
    assert not {"blur", *known["kinds"]} & set(known["mistaken_for"])
    assert re.search(r"mistaken for +light \d+ %", dheads("explain", "blur").out)
    assert {"gaussian_blur", "lens_blur", "motion_blur"} <= set(known["kinds"])
    assert "shake" in known["makes"]
    without = dheads("explain", "temporal")
    assert "a family without a head of its own" in without.out
    assert "no example" in without.out


def test_heads_without_words_are_explained_too(dheads: Dheads, own_heads: tuple[str, str]) -> None:
    told = dheads("explain", "always")
    assert told.code == 0
    assert "its plugin does not say" in told.out
    assert "not measured" in told.out
    assert dheads("explain", "gaussian_blurr").error.startswith("dheads: error: no head 'gaussian_blurr'")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/x"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_only_terminals_that_say_so_get_pictures(environ: dict[str, str], expected: str | None) -> None:
    assert protocol(environ) == expected


@pytest.mark.parametrize("size", [10, 3072, 3073, 10_000])
def test_a_picture_arrives_whole(size: int) -> None:
    png = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    parts = inline_picture(png, "kitty").rstrip("\n").split("\x1b\\")[:-1]
    assert all(part.startswith("\x1b_G") for part in parts)
    assert [part.partition(";")[0][-1] for part in parts] == ["1"] * (len(parts) - 1) + ["0"]
    assert standard_b64decode("".join(part.partition(";")[2] for part in parts)) == png
    text = inline_picture(png, "iterm")
    assert standard_b64decode(text.partition(":")[2].rstrip("\n\x07")) == png
