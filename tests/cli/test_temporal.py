"""Heads that need successive frames, on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture
from helpers.sample_heads import make_layers
from helpers.video_clips import stripes, write_clip


@pytest.fixture
def pulse(home: Path, ref: BackboneRef) -> str:
    """A head of the user's own, of random weights."""
    attach(home, ref, "pulse", view="temporal", family="time", layers=make_layers((2 * ref.dim, 4, 2)))
    return "pulse"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", stripes(12))


def test_it_is_listed_and_shown_with_its_view(dheads: Dheads, pulse: str, ref: BackboneRef) -> None:
    listed = [json.loads(line) for line in dheads("list", "--json").lines]
    (mine,) = [head for head in listed if head["label"] == pulse]
    assert (mine["view"], mine["trained"], mine["problem"]) == ("temporal", True, None)
    card = dheads("show", pulse)
    assert card.code == 0
    assert f"{2 * ref.dim} - 4 - 2" in card.out


def test_a_video_is_judged_by_it_and_a_picture_is_not(
    dheads: Dheads, pulse: str, home: Path, ref: BackboneRef, clip: Path, tmp_path: Path
) -> None:
    attach(home, ref, "haze", view="overview", family="air")
    picture = write_picture(tmp_path / "picture.png")
    answers = dheads("predict", "--json", "--heads", "pulse,haze", clip, picture)
    assert answers.code == 0, answers.err
    of_clip, of_picture = map(json.loads, answers.lines)
    assert [head["label"] for head in of_clip["heads"]] == ["haze", "pulse"]
    assert [head["label"] for head in of_picture["heads"]] == ["haze"]
    rows = dheads("predict", "--csv", "-", "--heads", "pulse,haze", clip, picture)
    *frames, last = csv.DictReader(rows.lines)
    assert all(0 <= float(row["pulse"]) <= 1 for row in frames)
    assert last["pulse"] == ""
    assert len(frames) == 12


def test_frames_and_events_name_it(dheads: Dheads, pulse: str, clip: Path, tmp_path: Path) -> None:
    done = dheads("predict", "--heads", pulse, "--jsonl-frames", tmp_path / "frames.jsonl", "--all", clip)
    assert done.code == 0, done.err
    assert pulse in done.out
    lines = (tmp_path / "frames.jsonl").read_text().splitlines()
    assert [list(json.loads(line)["probability"]) for line in lines] == [[pulse]] * 12


def test_a_picture_alone_is_refused_with_the_reason(dheads: Dheads, pulse: str, tmp_path: Path) -> None:
    done = dheads("predict", "--heads", pulse, write_picture(tmp_path / "picture.png"))
    assert done.code == 2
    assert "successive frames (pulse)" in done.err


def test_conditions_name_it_only_where_there_is_a_video(
    dheads: Dheads, pulse: str, home: Path, ref: BackboneRef, clip: Path, tmp_path: Path
) -> None:
    attach(home, ref, "haze", view="overview", family="air")
    picture = write_picture(tmp_path / "picture.png")
    options = ("--heads", "pulse,haze", "--fail-if", "pulse>=0")
    assert dheads("predict", *options, clip).code == 1
    refused = dheads("predict", *options, picture)
    assert refused.code == 2
    assert "pulse" in refused.err


def test_clips_are_trained_on_with_pictures_only(dheads: Dheads, tmp_path: Path) -> None:
    alone = dheads("train", "--clips", tmp_path, "--out", tmp_path / "out")
    assert alone.code == 2
    assert "--images DIR" in alone.err
    mixed = dheads("train", "--clips", tmp_path, "--images", tmp_path, "--steps", "3", "--out", tmp_path / "out")
    assert mixed.code == 2
    assert "--steps does not go with --clips" in mixed.err
    empty = dheads("train", "--clips", tmp_path, "--images", tmp_path, "--out", tmp_path / "out")
    assert empty.code == 1
    assert "holds no video" in empty.err


def test_add_head_says_how_a_temporal_head_is_fitted(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("add-head", "flicker", "--data", tmp_path, "--out", tmp_path / "flicker.safetensors")
    assert result.code == 1
    assert "dheads train --clips DIR" in result.error
