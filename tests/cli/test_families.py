"""The answer in two levels, from a little family head with random weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from distortion_heads.heads.head import Pooling, Threshold
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture
from helpers.video_clips import stripes, write_clip


@pytest.fixture(autouse=True)
def _family(home: Path, ref: BackboneRef) -> None:
    """A family that is always present, with a kind that is and one that never is."""
    attach(home, ref, "stain", family="stain", scope="family", title="Stain", threshold=Threshold(value=0.0))
    attach(home, ref, "coffee_ring", family="stain", threshold=Threshold(value=0.0), seed=1)
    attach(home, ref, "ink", family="stain", threshold=Threshold(value=1.0), outputs=("presence",), seed=2)
    attach(home, ref, "alone", family="torn", threshold=Threshold(value=1.0), outputs=("presence",))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "a.png")


def test_a_family_names_its_head_and_its_kinds(dheads: Dheads, picture: Path) -> None:
    found = json.loads(dheads("predict", "--json", "--heads", "stain", picture).out)
    assert [head["label"] for head in found["heads"]] == ["stain", "coffee_ring", "ink"]
    assert [head.get("scope") for head in found["heads"]] == ["family", None, None]
    (family,) = found["families"]
    assert list(family) == ["family", "probability", "threshold", "present", "severity", "kinds"]
    own = found["heads"][0]
    assert all(family[key] == own[key] for key in ("probability", "threshold", "present", "severity"))
    assert {kind["label"] for kind in family["kinds"]} <= {"coffee_ring", "ink", "other"}
    assert all(kind["share"] >= 0.05 for kind in family["kinds"])


def test_other_heads_answer_as_without_it(dheads: Dheads, picture: Path) -> None:
    def kinds(heads: str) -> dict[str, object]:
        found = json.loads(dheads("predict", "--json", "--heads", heads, picture).out)
        return {head["label"]: head for head in found["heads"]}

    without = kinds("jpeg,coffee_ring,ink")
    assert kinds("jpeg,stain") == {**without, "stain": kinds("stain")["stain"]}


def test_text_names_the_family_and_its_kind(dheads: Dheads, picture: Path) -> None:
    (line,) = dheads("predict", "--heads", "stain,torn", picture).lines
    path, family, _, word, _, *kinds = line.split()
    assert (path, family, word) == (str(picture), "stain", "severity")
    assert kinds[-1] == "%"
    lines = dheads("predict", "--all", "--heads", "stain,torn", picture).lines
    names = [line.split()[1] for line in lines]
    assert (names[0], sorted(names[1:3]), names[3:]) == ("stain", ["coffee_ring", "ink"], ["torn", "alone"])


def test_csv_has_families_before_heads(dheads: Dheads, picture: Path) -> None:
    (row,) = csv.DictReader(dheads("predict", "--csv", "-", "--heads", "stain,torn", picture).lines)
    columns = [name for name in row if not name.endswith(("_present", "_severity"))]
    assert columns == [
        *("path", "width", "height", "windows", "backbone", "error"),
        *("stain", "stain_kind", "torn", "torn_kind", "coffee_ring", "ink", "alone", "notes"),
    ]
    assert (row["stain_present"], row["torn_present"]) == ("true", "false")
    assert row["stain_kind"] in ("coffee_ring", "ink", "other")
    assert row["torn_kind"] == ""


def test_no_kind_is_said_where_its_family_was_asked_and_is_absent(
    dheads: Dheads, home: Path, ref: BackboneRef, picture: Path, tmp_path: Path
) -> None:
    attach(home, ref, "stain", family="stain", scope="family", threshold=Threshold(value=1.0))
    assert dheads("predict", "--heads", "stain", picture).lines[0].endswith("clean")
    lines = dheads("predict", "--all", "--heads", "stain", picture).lines
    assert {line.split()[3] for line in lines} == {"absent"}
    found = json.loads(dheads("predict", "--json", "--heads", "stain", picture).out)
    assert not any(answer["present"] for answer in (*found["families"], *found["heads"]))
    kind = next(head for head in found["heads"] if head["label"] == "coffee_ring")
    assert kind["probability"] >= kind["threshold"]
    (row,) = csv.DictReader(dheads("predict", "--csv", "-", "--heads", "stain", picture).lines)
    assert (row["stain_present"], row["stain_kind"], row["coffee_ring_present"]) == ("false", "", "false")
    alone = json.loads(dheads("predict", "--json", "--heads", "coffee_ring", picture).out)
    assert [head["present"] for head in alone["heads"]] == [True]  # nobody asked its family

    video = write_clip(tmp_path / "clip.mp4", stripes(12))
    (line,) = dheads("predict", "--heads", "stain", video).lines
    assert line.endswith("clean")
    found = json.loads(dheads("predict", "--json", "--heads", "stain", video).out)
    assert not any(head["present"] or head["segments"] or head["share"] for head in found["heads"])


def test_a_condition_on_a_family_is_one_on_its_head(dheads: Dheads, picture: Path) -> None:
    found = json.loads(dheads("predict", "--json", "--heads", "stain", picture).out)
    own, kind = (head["probability"] for head in found["heads"][:2])
    between = (own + kind) / 2
    assert own != kind
    for name, value in (("stain", own), ("coffee_ring", kind)):
        code = dheads("predict", "--heads", "stain", "--fail-if", f"{name}>{between:.5f}", picture).code
        assert code == (1 if value > between else 0)


def test_a_video_is_judged_by_families(dheads: Dheads, tmp_path: Path) -> None:
    video = write_clip(tmp_path / "clip.mp4", stripes(12))
    (line,) = dheads("predict", "--heads", "stain", video).lines
    assert line.startswith(f"{video}  stain")
    found = json.loads(dheads("predict", "--json", "--heads", "stain", video).out)
    (family,) = found["families"]
    assert {kind["label"] for kind in family["segments"][0]["kinds"]} <= {"coffee_ring", "ink", "other"}
    assert [head["label"] for head in found["heads"]] == ["stain", "coffee_ring", "ink"]


def test_follow_reports_a_familys_events_and_not_its_kinds(dheads: Dheads, tmp_path: Path) -> None:
    video = write_clip(tmp_path / "clip.ts", stripes(12))
    arguments = ("predict", "--follow", "--patience", "0.2", "--heads", "stain", video)
    words = [line.split() for line in dheads(*arguments).lines]
    assert {line[2] for line in words if line[-1] == "begins"} == {"stain"}
    found = map(json.loads, dheads(*arguments, "--json").lines)
    assert {item["label"] for item in found if item["kind"] == "onset"} == {"stain", "coffee_ring"}


def test_list_puts_kinds_below_their_family(dheads: Dheads) -> None:
    lines = dheads("list").lines
    place = next(i for i, line in enumerate(lines) if line.startswith("stain "))
    assert [line.split()[0] for line in lines[place + 1 : place + 3]] == ["coffee_ring", "ink"]
    assert all(line.startswith("  ") for line in lines[place + 1 : place + 3])
    assert any(line.startswith("alone ") for line in lines)
    scopes = {item["label"]: item["scope"] for item in map(json.loads, dheads("list", "--json").lines)}
    assert (scopes["stain"], scopes["ink"], scopes["jpeg"]) == ("family", "kind", "kind")


def test_show_names_the_kinds_of_a_family(dheads: Dheads, home: Path, ref: BackboneRef) -> None:
    attach(home, ref, "stain", family="stain", scope="family", pooling=Pooling(quantile=0.25))
    text = dheads("show", "stain").out
    for fact in ("the family as a whole", "coffee_ring, ink", "quantile 0.25 of the windows"):
        assert fact in text
    assert "torn: a family" in dheads("show", "torn").out
    assert json.loads(dheads("show", "torn", "--json").out)["kinds"] == ["alone"]
    assert "mean of the windows" in dheads("show", "ink").out


def test_a_family_means_those_of_its_kinds_that_can_be_made(dheads: Dheads, picture: Path, tmp_path: Path) -> None:
    arguments = ("--severities", "3", "--jobs", "1", "--distortions")
    done = dheads("synth", picture, tmp_path / "out", *arguments, "light")
    assert (done.code, done.out.rstrip().endswith(": 2 made")) == (0, True)
    refused = dheads("synth", picture, tmp_path / "out2", *arguments, "stain")
    assert refused.code == 2
    assert "no head of the family 'stain' can be used here" in refused.error


def test_no_kind_is_called_like_a_family(dheads: Dheads, tmp_path: Path) -> None:
    done = dheads("add-head", "stain", "--data", tmp_path, "--force")
    assert (done.code, "is the name of a family" in done.error) == (1, True)


def test_a_head_of_an_unknown_scope_is_left_out(dheads: Dheads, home: Path, picture: Path) -> None:
    file = home / "heads" / "stain.safetensors"
    data = file.read_bytes()
    assert b'\\"scope\\":\\"family\\"' in data
    file.write_bytes(data.replace(b'\\"scope\\":\\"family\\"', b'\\"scope\\":\\"famila\\"'))
    done = dheads("predict", "--heads", "ink", picture)
    assert done.code == 0
    assert "metadata.scope is not one of 'kind', 'family'" in done.error
