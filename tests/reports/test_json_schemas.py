"""The published schemas fit what the commands write, and keys are only ever added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import ValidationError
from PIL import Image

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.heads.file import dump_metadata
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.reports.json_schemas import read_schema, schema_names
from distortion_heads.synthesis.run import RECORD
from helpers import REPOSITORY, TESTS
from helpers.command_line import Dheads, attach
from helpers.contracts import assert_valid, keys, validator
from helpers.little_pictures import noisy, save, scene
from helpers.synth_runs import manifest
from helpers.video_clips import write_clip

FEW = "noise,jpeg,smoke"


@pytest.fixture
def dheads(capfd: pytest.CaptureFixture[str]) -> Dheads:
    return Dheads(capfd)


def written(result: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.lines]


@pytest.mark.parametrize("name", schema_names())
def test_every_schema_is_one_and_allows_more_keys(name: str) -> None:
    schema = validator(name).schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:distortion-heads:{name}:1"
    assert '"additionalProperties": false' not in read_schema(name)
    assert "unevaluatedProperties" not in read_schema(name)


def test_no_key_goes_and_none_that_was_always_there_may_be_missing() -> None:
    """Add the new keys to the file; a key that goes, or loses its `!`, wants a schema of the next number."""
    found = sorted(key for name in schema_names() for key in keys(name))
    assert found == (TESTS / "schema_keys.txt").read_text(encoding="utf-8").splitlines()


def test_predict(dheads: Dheads, tmp_path: Path) -> None:
    framed = Image.new("RGBA", (300, 300))
    framed.paste(Image.fromarray(noisy(scene(1, 200), 1)), (50, 50))
    framed.save(tmp_path / "framed.png")
    save(tmp_path / "large.png", np.tile(noisy(scene(2, 300), 2), (4, 4, 1)))
    save(tmp_path / "little.png", scene(3, 30))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    answers = written(dheads("predict", tmp_path, "--json", "--heads", FEW, "--fast"))
    assert len(answers) == 4
    for answer in answers:
        assert_valid("predict", answer)
    assert {"error", "area", "judged", "fast"} <= {key for answer in answers for key in answer}


def test_predict_of_videos(dheads: Dheads, tmp_path: Path) -> None:
    frames = [noisy(scene(1, 96), seed) for seed in range(12)]
    clip = write_clip(
        tmp_path / "clip.mkv", [scene(1, 96)] * 4 + frames + [scene(1, 96)] * 4, codec="ffv1", pix_fmt="bgr0"
    )
    lines = tmp_path / "frames.jsonl"
    arguments = ("--json", "--heads", "noise", "--follow", "--patience", "0.1", "--max-lag", "1000")
    answers = written(dheads("predict", clip, *arguments, "--jsonl-frames", lines))
    for answer in answers:
        assert_valid("predict", answer)
    assert {answer["kind"] for answer in answers} == {"onset", "offset", "video"}
    for line in lines.read_text(encoding="utf-8").splitlines():
        assert_valid("frames", json.loads(line))


def test_heads(dheads: Dheads, home: Path) -> None:
    ref = read_backbone(bundled_backbone().weights).ref
    attach(home, ref, "grain", family="dirt", outputs=("presence",))
    for line in written(dheads("list", "--json")):
        assert_valid("list", line)
    for label in ("noise", "jpeg", "grain", "dirt"):
        [card] = written(dheads("show", label, "--json"))
        assert_valid("show", card)
    for file in Predictor(registry=load_registry(), threads=1).video_heads:
        assert_valid("head", json.loads(dump_metadata(file)))


def test_synth(dheads: Dheads, tmp_path: Path) -> None:
    save(tmp_path / "in" / "scene.png", scene(1))
    write_clip(tmp_path / "in" / "clip.mkv", [scene(2, 64)] * 4, codec="ffv1", pix_fmt="bgr0")
    out = tmp_path / "out"
    done = dheads("synth", tmp_path / "in", out, "--distortions", "white_noise,jpeg", "--mix", "1-2", "-n", "2")
    assert done.code == 0, done.err
    assert_valid("synth", json.loads((out / RECORD).read_text(encoding="utf-8")))
    rows = manifest(out)
    assert len(rows) == 4
    for row in rows:
        assert_valid("manifest", row)


def test_bundle() -> None:
    onnx = pytest.importorskip("onnx")
    from distortion_heads.export.bundle import build_bundle

    heads = Predictor(["jpeg", "white_noise", "blur"], threads=1).heads
    model = onnx.load_from_string(build_bundle(read_backbone(bundled_backbone().weights), heads))
    assert_valid("bundle", json.loads({item.key: item.value for item in model.metadata_props}["dheads"]))


@pytest.mark.parametrize("file", sorted(REPOSITORY.glob("docs/bench/*/report.json")), ids=lambda file: file.parent.name)
def test_published_benches(file: Path) -> None:
    assert_valid("bench", json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", sorted(REPOSITORY.glob("docs/bench/evaluate/*/result.json")), ids=str)
def test_published_evaluations(file: Path) -> None:
    assert_valid("evaluation", json.loads(file.read_text(encoding="utf-8")))


PICTURE = {
    "path": "a.png",
    "width": 5,
    "height": 5,
    "windows": 1,
    "backbone": "b@0",
    "families": [],
    "heads": [
        {
            "label": "jpeg",
            "family": "compression",
            "probability": 0.1,
            "threshold": 0.5,
            "present": False,
            "severity": 1.0,
        }
    ],
}


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"new_key": 1}, True),
        ({"width": "5"}, False),
        ({"families": None}, False),
        ({"heads": [{**PICTURE["heads"][0], "probability": 1.5}]}, False),  # type: ignore[index]
        ({"heads": [{**PICTURE["heads"][0], "severity": None, "more": []}]}, True),  # type: ignore[index]
        ({"heads": [{"label": "jpeg"}]}, False),
        ({"judged": True}, False),
    ],
)
def test_a_wrong_answer_would_be_found(changes: dict[str, Any], is_valid: bool) -> None:
    if is_valid:
        assert_valid("predict", {**PICTURE, **changes})
    else:
        with pytest.raises(ValidationError):
            validator("predict").validate({**PICTURE, **changes})


def test_the_command_prints_and_lists_them(dheads: Dheads) -> None:
    assert json.loads(dheads("schema", "predict").out) == validator("predict").schema
    assert tuple(line.split()[0] for line in dheads("schema").lines) == schema_names()
    wrong = dheads("schema", "predictions")
    assert wrong.code == 1
    assert f"there are {', '.join(schema_names())}" in wrong.error


def test_the_page_links_every_schema() -> None:
    page = (REPOSITORY / "docs" / "schemas.md").read_text(encoding="utf-8")
    for name in schema_names():
        assert f"[{name}](../distortion_heads/reports/schemas/{name}.json)" in page
