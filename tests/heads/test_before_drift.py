"""Heads of before the views told of drift: they are read, and say what they said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distortion_heads.errors import HeadSchemaError
from distortion_heads.heads.before_drift import earlier_width, with_drift
from distortion_heads.heads.file import dump_head, parse_head, read_metadata
from distortion_heads.heads.head import HeadFile
from distortion_heads.spec import DRIFT, TONES, BackboneRef, View, width_of
from helpers.sample_heads import make_head, same

DIM = 12


def head_of(view: View, width: int) -> HeadFile:
    """A head whose first layer reads `width` features."""
    return make_head("lamp", dim=width, view=view, backbone=BackboneRef(name="tiny", fingerprint="0" * 64, dim=DIM))


@pytest.mark.parametrize("view", ["light", "full"])
def test_an_earlier_head_gives_drift_no_weight(view: View, tmp_path: Path) -> None:
    head = head_of(view, width_of(view, DIM))
    before = head_of(view, earlier_width(view, DIM))
    assert before.layers[0].in_ == width_of(view, DIM) - DRIFT
    (tmp_path / "lamp.safetensors").write_bytes(dump_head(before, "float32"))
    assert read_metadata(tmp_path / "lamp.safetensors").label == "lamp"
    read = parse_head(dump_head(before, "float32"), "lamp")
    features = np.random.default_rng(0).normal(0, 1, (3, head.layers[0].in_)).astype(np.float32)
    place = (2 * DIM if view == "full" else DIM) + TONES
    seen_then = np.delete(features, np.s_[place : place + DRIFT], axis=1)
    assert read.layers[0].weight @ features.T == pytest.approx(before.layers[0].weight @ seen_then.T, abs=1e-4)
    assert not read.layers[0].weight[:, place : place + DRIFT].any()


@pytest.mark.parametrize("view", ["native", "overview", "light", "full", "temporal"])
def test_a_head_of_today_is_as_it_was(view: View) -> None:
    head = head_of(view, width_of(view, DIM))
    assert with_drift(head) is head
    assert same(parse_head(dump_head(head, "float32"), "lamp"), head)


@pytest.mark.parametrize("view", ["light", "full"])
def test_any_other_width_is_refused(view: View) -> None:
    with pytest.raises(HeadSchemaError, match=f"do not lead from {width_of(view, DIM)} features"):
        dump_head(head_of(view, earlier_width(view, DIM) - 1))
