"""`dheads report`: the page that it writes of pictures, videos and what fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.heads.head import Threshold
from distortion_heads.spec import BackboneRef
from helpers import REPOSITORY
from helpers.command_line import Dheads, attach
from helpers.little_clips import write_clip

pytest.importorskip("jinja2")

EXAMPLES = REPOSITORY / "examples"


def rows(page: Path) -> list[dict[str, object]]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)
    assert found is not None
    data: list[dict[str, object]] = json.loads(found[1])["rows"]
    return data


def test_pictures_videos_and_errors_are_on_the_page(
    dheads: Dheads, tmp_path: Path, home: Path, ref: BackboneRef
) -> None:
    attach(home, ref, "always", family="odd", threshold=Threshold(value=0.0))
    rng = np.random.default_rng(0)
    clip = write_clip(tmp_path / "clip.mp4", [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(12)])
    (tmp_path / "broken.png").write_bytes(b"nothing")
    page = tmp_path / "page.html"
    inputs = (EXAMPLES / "kitten_noise.png", clip, tmp_path / "broken.png")
    result = dheads("report", *inputs, "--heads", "noise,always", "--out", page)
    assert result.code == 1
    assert result.out == f"report: {page} (3 inputs, 1 of them failed)\n"
    picture, video, broken = rows(page)
    assert picture["state"] == "distorted"
    assert set(picture["maps"]) >= {"noise"}  # type: ignore[call-overload]
    assert len(picture["thumbs"]) == 1  # type: ignore[arg-type]
    assert {shot["family"] for shot in video["shots"]} == {"noise", "odd"}  # type: ignore[attr-defined]
    assert video["video"]["families"]["odd"]["segments"]  # type: ignore[index]
    assert (broken["state"], broken["thumbs"]) == ("error", [])
    assert "Backbone" in page.read_text(encoding="utf-8")


def test_a_page_is_a_page(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("report", EXAMPLES / "kitten_noise.png", "--out", tmp_path / "page.png")
    assert result.code == 2
    assert "ends in .html" in result.error
