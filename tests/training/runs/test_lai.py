"""`dheads train --recipe lai`: classes and pseudo-opinions, then ratings; what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dheads_cli.main import run as dheads
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.metrics.pseudo_opinion import LAI as SIX
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.backbones import find_backbone, heads_in
from distortion_heads.training.networks import two_branches
from distortion_heads.training.runs.learn_opinions import find_classes, is_scored, pseudo_opinions
from helpers.little_pictures import noisy, save, scene

TOY = ["--backbone", "mobilenet_v3_small", "--side", "64", "--stride", "64", "--batch", "16", "--epochs", "1"]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DHEADS_HOME", str(tmp_path / "home"))
    for name in ("WIDTH", "SCORE_WIDTH", "RATING_WIDTH"):
        monkeypatch.setattr(two_branches, name, 8)


def record(number: int, severities: dict[str, float], value: float = 0.5) -> Record:
    scores = dict.fromkeys(SIX, value)
    return Record(path=Path(f"{number}.png"), scene=str(number), severities=severities, scores=scores)


def scored_set(folder: Path, mixed: bool = False) -> Path:
    """A folder as `dheads synth --levels` leaves it: scenes with grain and dark ones, and what six metrics say."""
    lines, kinds = ["file,source,labels,severities,scores"], [("jpeg", "1"), ("jpeg", "3"), ("brighten", "2")]
    kinds += [("jpeg+brighten", "3+2")] if mixed else []
    for number in range(6):
        for place, (labels, severities) in enumerate(kinds):
            path = save(folder / f"{number}-{place}.png", noisy(scene(number, 64), place))
            scores = json.dumps(dict.fromkeys(SIX, 0.9 - 0.1 * place)).replace('"', '""')
            lines.append(f'{path.name},clean{number}.png,{labels},{severities},"{scores}"')
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "synth.json").write_text("{}")
    return folder


def test_classes_are_distortions_at_levels() -> None:
    single = [record(0, {"jpeg": 2.0}), record(1, {"jpeg": 5.0}), record(2, {"smoke": float("nan")})]
    classes = find_classes(single)
    assert (classes.names, classes.several) == (("smoke", "jpeg-2", "jpeg-5"), False)
    np.testing.assert_array_equal(classes.of(single), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    mixed = [*single[:2], record(3, {"jpeg": 2.0, "brighten": 4.0})]
    several = find_classes(mixed)
    assert several.names == ("brighten", "jpeg", "brighten-4", "jpeg-2", "jpeg-5")
    np.testing.assert_array_equal(several.of(mixed)[2], [1, 1, 1, 1, 0])
    with pytest.raises(DataError, match="401 classes are too many"):
        find_classes([record(i, {f"kind{i}": 1.0}) for i in range(401)])


def test_pseudo_opinions_need_all_six() -> None:
    one = record(0, {"jpeg": 2.0}, 0.25)
    assert is_scored(one)
    assert pseudo_opinions([one])[0] == pytest.approx((4 * 0.25 + 2 * 0.75) / 6)
    assert not is_scored(Record(path=Path("x"), scene="x", severities={"jpeg": 1.0}, scores={"ssim": 0.5}))
    assert not is_scored(record(1, {}))


def test_scores_then_ratings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, one, two = scored_set(tmp_path / "made"), tmp_path / "one", tmp_path / "two"
    command = ["train", "--recipe", "lai", "--data", str(made), "--weights", "none", "--out", str(one), *TOY]
    assert dheads(command) == 0
    assert "predicted_pseudo_mos" in capsys.readouterr().out
    told = json.loads((one / "told.json").read_text())
    assert told["classes"] == ["brighten-2", "jpeg-1", "jpeg-3"]
    assert set(told["told"]) == {"classes", "distortions"}
    parts = [line.rpartition(",")[2] for line in (one / "split.csv").read_text().splitlines()[1:]]
    assert (len(parts), set(parts)) == (18, {"train", "validation", "test"})
    heads = heads_in(one)
    answer = Predictor(backbone=find_backbone(str(one), heads), registry=heads).predict(scene(3))
    (quality,) = answer.qualities
    assert (quality.label, quality.low, quality.high) == ("predicted_pseudo_mos", 1, 5)

    rows = [(save(tmp_path / f"{i}-{k}.png", noisy(scene(i), k) if k else scene(i)), 90 - 30 * k, i)
            for i in range(6) for k in range(2)]  # fmt: skip
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("path,label,mos,group\n" + "".join(f"{p},,{mos},{i}\n" for p, mos, i in rows))
    weights = str(one / "backbone/mobilenet_v3_small.safetensors")
    command = ["train", "--recipe", "lai", "--data", str(ratings), "--weights", weights, "--out", str(two), *TOY]
    assert dheads(command) == 0
    head = heads_in(two)
    (quality,) = Predictor(backbone=find_backbone(str(two), head), registry=head).predict(scene(3)).qualities
    assert (quality.label, quality.low, quality.high) == ("quality_rated", 60, 90)


def test_of_mixtures_every_part_is_a_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = scored_set(tmp_path / "made", mixed=True), tmp_path / "out"
    command = ["train", "--recipe", "lai", "--data", str(made), "--weights", "none", "--out", str(out), *TOY]
    assert dheads(command) == 0
    told = json.loads((out / "told.json").read_text())
    assert (told["several"], told["classes"][:2]) == (True, ["brighten", "jpeg"])
    assert 0 <= told["told"]["distortions"] <= 1


@pytest.mark.parametrize(
    ("rating", "said"), [("", "neither scores of six metrics"), ("3", "all ratings are 3: nothing can be learnt")]
)
def test_data_without_anything_to_learn_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rating: str, said: str
) -> None:
    lines = [f"{save(tmp_path / f'{i}.png', scene(i))},,{rating},{i}\n" for i in range(6)]
    (tmp_path / "r.csv").write_text("path,label,mos,group\n" + "".join(lines))
    assert dheads(["train", "--recipe", "lai", "--data", str(tmp_path / "r.csv"), "--out", str(tmp_path / "o")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    "options", [["--recipe", "lai", "--labels", "jpeg"], ["--recipe", "deepfl", "--score-rate", "1e-3"]]
)
def test_options_that_do_not_go_with_the_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert dheads(["train", "--data", str(tmp_path), "--out", str(tmp_path / "o"), *options]) == 2
    assert f"{options[2]} does not go with --recipe {options[1]}" in capsys.readouterr().err
