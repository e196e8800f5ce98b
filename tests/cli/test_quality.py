"""What `dheads` says of the quality of pictures, and heads of quality of one's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.datasets.ratings import parse_scale
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, write_picture
from helpers.contracts import assert_valid
from helpers.little_pictures import noisy, scene
from helpers.sample_heads import make_quality_head

MINE = ("--heads", "mine,always")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


@pytest.fixture
def mine(home: Path, ref: BackboneRef) -> Path:
    return Store(home).save(make_quality_head("mine", dim=ref.dim, backbone=ref, seed=4), overwrite=True)


@pytest.mark.usefixtures("mine")
def test_json_has_one_key_more(dheads: Dheads, pictures: list[Path]) -> None:
    (found,) = map(json.loads, dheads("predict", "--json", *MINE, pictures[0]).lines)
    assert list(found) == ["path", "width", "height", "windows", "backbone", "families", "quality", "heads"]
    assert list(found["quality"]) == ["label", "value", "scale", "target", "spread"]
    assert (found["quality"]["label"], found["quality"]["scale"]) == ("mine", [1, 5])
    assert 1 <= found["quality"]["value"] <= 5
    assert [head["label"] for head in found["heads"]] == ["always"]
    assert [family["family"] for family in found["families"]] == ["odd"]


@pytest.mark.usefixtures("mine")
def test_a_head_of_quality_alone_answers(dheads: Dheads, pictures: list[Path]) -> None:
    result = dheads("predict", "--heads", "mine", *pictures)
    assert [line.split()[1:2] for line in result.lines] == [["clean"], ["mine"]] * 3
    assert (result.code, result.err) == (0, "")


@pytest.mark.usefixtures("mine")
def test_csv_has_a_column_of_its_own_before_the_notes(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(dheads("predict", "--csv", "-", *MINE, *pictures, tmp_path / "no.png").out)))
    place = rows[0].index("mine")
    assert rows[0][place:] == ["mine", "notes"]
    assert all(1 <= float(row[place]) <= 5 for row in rows[1:4])
    assert rows[4][place] == ""
    assert len({len(row) for row in rows}) == 1


@pytest.mark.usefixtures("mine")
def test_a_long_csv_and_parquet_have_a_row_of_quality(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    files = ("--csv-long", tmp_path / "a.csv", "--parquet", tmp_path / "a.parquet")
    answers = map(json.loads, dheads("predict", "--json", *MINE, *files, *pictures).lines)
    expected = [(answer["path"], answer["quality"]["value"]) for answer in answers]
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    found = [row for row in rows if row["scope"] == "quality"]
    assert [(row["path"], float(row["quality"])) for row in found] == expected
    assert {(row["label"], row["family"], row["probability"], row["present"]) for row in found} == {
        ("mine", "quality", "", "")
    }
    assert all(row["quality"] == "" for row in rows if row["scope"] != "quality")
    stored = [row["quality"] for row in pyarrow.read_table(tmp_path / "a.parquet").to_pylist()]
    assert stored == [float(row["quality"]) if row["quality"] else None for row in rows]


@pytest.mark.usefixtures("mine")
def test_a_condition_compares_the_quality(dheads: Dheads, pictures: list[Path]) -> None:
    fails = dheads("predict", *MINE, "--fail-if", "mine<=5", pictures[0])
    assert fails.code == 1
    assert "mine<=5" in fails.err
    assert dheads("predict", *MINE, "--fail-if", "mine<1", pictures[0]).code == 0
    refused = dheads("predict", *MINE, "--fail-if", "always>2.5", pictures[0])
    assert refused.code == 2
    assert "probabilities lie in [0, 1]" in refused.err


@pytest.mark.usefixtures("mine")
def test_the_worst_comes_first(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    (black := tmp_path / "black.png").parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((96, 96, 3), np.uint8)).save(black)
    found = list(map(json.loads, dheads("predict", "--json", *MINE, "--sort", "quality", black, *pictures).lines))
    values = [item["quality"]["value"] for item in found if "quality" in item]
    assert len(values) == 3
    assert values == sorted(values)
    assert found[-1]["path"] == str(black)
    refused = dheads("predict", "--heads", "always", "--sort", "quality", *pictures)
    assert (refused.code, "quality" in refused.err) == (2, True)


@pytest.mark.usefixtures("mine")
def test_two_heads_of_quality_are_told_apart(
    dheads: Dheads, home: Path, ref: BackboneRef, pictures: list[Path]
) -> None:
    Store(home).save(make_quality_head("other", dim=ref.dim, backbone=ref, seed=9), overwrite=True)
    result = dheads("predict", "--json", "--heads", "mine,other", pictures[0])
    (found,) = map(json.loads, result.lines)
    assert [quality["label"] for quality in found["qualities"]] == ["mine", "other"]
    assert found["quality"] == found["qualities"][0]
    assert "mine and other" in result.error


@pytest.mark.usefixtures("mine")
def test_list_and_show_name_scale_and_figures(dheads: Dheads) -> None:
    listed = {item["label"]: item for item in map(json.loads, dheads("list", "--json").lines)}
    assert (listed["mine"]["scope"], listed["mine"]["srocc"], listed["mine"]["auroc"]) == ("quality", 0.9, None)
    row = next(line for line in dheads("list").lines if line.strip().startswith("mine"))
    assert "SROCC 0.900" in row
    shown = dheads("show", "mine").out
    for text in ("1 to 5, high is good", "1 bad to 5 good", "ratings of a.csv", "SROCC", "0.250"):
        assert text in shown
    assert "AUROC" not in shown


def ratings(folder: Path, count: int = 48, scenes: int = 12) -> Path:
    """Scenes with more or less noise; people like what has less."""
    lines = ["path,mos,group"]
    for i in range(count):
        amount = i // scenes / (count / scenes)
        pixels = scene(i % scenes)
        mixed = np.rint((1 - amount) * pixels + amount * noisy(pixels, i)).astype(np.uint8)
        path = folder / f"p{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mixed).save(path)
        lines.append(f"{path.name},{100 - 80 * amount:.1f},scene{i % scenes}")
    (folder / "ratings.csv").write_text("\n".join(lines))
    return folder / "ratings.csv"


@pytest.mark.usefixtures("few_draws")
def test_a_head_of_ones_own_is_fitted_on_ratings(dheads: Dheads, tmp_path: Path) -> None:
    data = ratings(tmp_path / "rated")
    result = dheads("add-head", "taste", "--data", data, "--scale", "0,100", "--json")
    assert result.code == 0, result.err
    added = json.loads(result.out)
    assert_valid("add-quality", added)
    assert (added["pictures"], added["scenes"], added["measured"], added["scale"]) == (48, 12, 48, [0, 100])
    assert added["metrics"]["srocc"] > 0.8
    low, high = added["intervals"]["srocc"]
    assert low <= added["metrics"]["srocc"] <= high
    found = {
        Path(item["path"]).name: item["quality"]["value"]
        for item in map(json.loads, dheads("predict", "--json", "--heads", "taste", data.parent).lines)
        if "quality" in item
    }
    assert found["p000.png"] > found["p047.png"] + 20
    again = dheads("add-head", "taste", "--data", data, "--scale", "0,100")
    assert again.code == 1
    assert "taste" in again.error


def test_a_scale_may_run_either_way() -> None:
    scale = parse_scale("100,0")
    assert (scale.low, scale.high, scale.oriented(90.0)) == (0, 100, 10)
    assert parse_scale("1,5").oriented(2.0) == 2


def column(text: str, place: int, value: Callable[[str], str]) -> str:
    """Return the CSV text with another cell in each line but the first."""
    first, *lines = text.splitlines()
    cells = [line.split(",") for line in lines]
    return "\n".join([first, *(",".join([*c[:place], value(c[0]), *c[place + 1 :]]) for c in cells)])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: column(text, 1, lambda name: "3"), "all ratings are 3"),
        (lambda text: text.replace("100.0", "", 1), "line 2: no rating"),
        (lambda text: text.replace("100.0", "good", 1), "'good', not a number"),
        (lambda text: text.replace("100.0", "101", 1), "outside 0 to 100"),
        (lambda text: text.replace("p000.png", "gone.png", 1), "no such file"),
        (lambda text: "\n".join(text.splitlines()[:20]), "19 rated pictures are too few"),
        (lambda text: column(text, 2, lambda name: "one"), "show 1 scene;"),
        (lambda text: text.replace("p047.png", "p000.png", 1), "are the same picture, rated"),
    ],
)
def test_bad_ratings_are_refused_in_one_line(
    dheads: Dheads, home: Path, tmp_path: Path, change: Callable[[str], str], reason: str
) -> None:
    data = ratings(tmp_path / "rated")
    data.write_text(change(data.read_text()))
    result = dheads("add-head", "taste", "--data", data, "--scale", "0,100")
    assert result.code == 1
    assert reason in result.error
    assert not list(home.rglob("taste*"))


def test_options_of_labels_do_not_go_with_ratings(dheads: Dheads, tmp_path: Path) -> None:
    data = ratings(tmp_path / "rated")
    assert "--strict does not go with ratings" in dheads("add-head", "taste", "--data", data, "--strict").err
    assert "is not like 1,5" in dheads("add-head", "taste", "--data", data, "--scale", "5").error
    folder = write_picture(tmp_path / "folder" / "clean" / "a.png").parent.parent
    assert "--scale goes with" in dheads("add-head", "taste", "--data", folder, "--scale", "0,1").err
    assert "taken by" in dheads("add-head", "quality", "--data", data, "--scale", "0,100").err
