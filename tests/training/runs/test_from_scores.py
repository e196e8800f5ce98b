"""DeepFL-IQA: a backbone that learns scores of metrics, and a head of ratings on its features."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dheads_cli.main import run as dheads
from distortion_heads.datasets.record import Record
from distortion_heads.heads.head import Layer
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.backbones import find_backbone, heads_in
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import DEEPFL, recipe_for, shallow
from distortion_heads.training.networks.record_samples import Batch, FeatureSamples, Targets
from distortion_heads.training.networks.towers import MultiTask, Towers
from distortion_heads.training.networks.train_on_records import score_loss, train_on_records, validation_loss
from distortion_heads.training.runs.learn_scores import equalized, fit_equalizers, in_range
from helpers.little_pictures import noisy, save, scene, write_clean

TOY = ["--backbone", "mobilenet_v3_small", "--side", "64", "--stride", "64", "--batch", "8", "--epochs", "1"]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DHEADS_HOME", str(tmp_path / "home"))


def record(number: int, **scores: float) -> Record:
    return Record(path=Path(f"{number}.png"), scene=str(number), severities={"jpeg": 1.0}, scores=scores)


def test_equalised_scores_are_shares_that_are_worse_and_unknown_where_there_is_none() -> None:
    records = [record(i, ssim=i / 10, gmsd=i / 100) for i in range(11)]
    maps = fit_equalizers([*records, record(11, ssim=0.5)])
    found = equalized([*records, record(11, ssim=0.5)], maps)
    assert list(maps) == ["ssim", "gmsd"]
    assert np.isnan(found[-1, 1])
    assert found[0, 0] == 0
    assert found[10, 0] == 1
    assert (np.diff(found[:11, 0]) > 0).all()
    assert (np.diff(found[:11, 1]) < 0).all()  # of GMSD less is better


def test_the_loss_is_the_mean_square_over_tasks_that_are_known() -> None:
    out = torch.tensor([[[0.5], [0.0]], [[1.0], [9.0]]])
    scores = torch.tensor([[0.0, 1.0], [1.0, torch.nan]])
    nothing = torch.zeros(2, 0)
    batch = Batch(
        x=out, masks=(), owner=torch.tensor([0, 1]), weight=torch.tensor([0.5, 0.5]), presence=nothing,
        severity=nothing, quality=torch.full((2,), torch.nan), scores=scores,
    )  # fmt: skip
    assert score_loss(out, batch).item() == pytest.approx(0.5 * (0.25 + 1.0) / 2)


def test_scores_are_learnt_from_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    windows = [rng.normal(0, 1, (2, 6)).astype(np.float32) for _ in range(60)]
    scores = np.array([[1 / (1 + np.exp(-w[:, 0].mean())), 1 / (1 + np.exp(w[:, 1].mean()))] for w in windows])
    parts = [FeatureSamples(windows=windows[a:b], targets=Targets.of_scores(scores[a:b].astype(np.float32)))
             for a, b in ((0, 45), (45, 60))]  # fmt: skip
    recipe = replace(DEEPFL, hidden=(32, 16), rate=3e-3, epochs=30, patience=30, images_per_batch=8)
    torch.manual_seed(0)
    network = MultiTask(None, Towers(6, 2, recipe.hidden, severity=False))
    before = validation_loss(network, parts[1], Processes())
    train_on_records(network, *parts, recipe, Checkpoint(tmp_path / "c.pt", {"another": "id"}), Processes())
    assert validation_loss(network, parts[1], Processes()) < 0.5 * before


def test_the_recipe_is_the_papers() -> None:
    recipe = recipe_for("deepfl")
    assert (recipe.hidden, recipe.dropouts, recipe.rate, recipe.epochs) == ((512, 256), (0.25, 0.5), 1e-4, 10)
    second = shallow(recipe)
    assert (second.hidden, second.dropouts, second.epochs) == ((2048, 1024, 256), (0.25, 0.25, 0.5), 30)
    assert shallow(recipe_for("deepfl", epochs=2)).epochs == 2


def test_layers_in_range() -> None:
    layer = Layer(weight=np.array([[2.0]], np.float32), bias=np.array([0.5], np.float32), activation="identity")
    (found,) = in_range([layer], 1.0, 5.0)
    for x in (0.0, 0.25):
        assert found.weight[0, 0] * x + found.bias[0] == pytest.approx(1 + 4 * (2 * x + 0.5))


@pytest.mark.usefixtures("few_draws")
def test_scores_then_ratings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, made, one, two = (tmp_path / name for name in ("clean", "made", "one", "two"))
    write_clean(clean, 6)
    assert dheads(["synth", "--kadis", str(clean), str(made), "--scores", "psnr,gmsd", "--jobs", "1"]) == 0
    assert (
        dheads(["train", "--recipe", "deepfl", "--data", str(made), "--weights", "none", "--out", str(one), *TOY]) == 0
    )
    assert "predicted_gmsd" in capsys.readouterr().out
    assert set(json.loads((one / "equalizers.json").read_text())) == {"psnr", "gmsd"}
    heads = heads_in(one)
    assert set(heads.heads) == {"predicted_psnr", "predicted_gmsd"}
    answer = Predictor(backbone=find_backbone(str(one), heads), registry=heads).predict(scene(3))
    assert {quality.label for quality in answer.qualities} == set(heads.heads)
    assert all(0 <= quality.value <= 1 for quality in answer.qualities)

    rows = [(save(tmp_path / f"{i}-{k}.png", noisy(scene(i), k) if k else scene(i)), 90 - 30 * k, i)
            for i in range(6) for k in range(3)]  # fmt: skip
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("path,label,mos,group\n" + "".join(f"{p},,{mos},{i}\n" for p, mos, i in rows))
    weights = str(one / "backbone/mobilenet_v3_small.safetensors")
    command = ["train", "--recipe", "deepfl", "--data", str(ratings), "--weights", weights, "--out", str(two), *TOY]
    assert dheads(command) == 0
    assert "quality_rated" in capsys.readouterr().out
    head = heads_in(two)
    (quality,) = Predictor(backbone=find_backbone(str(two), head), registry=head).predict(scene(3)).qualities
    assert (quality.low, quality.high) == (30, 90)


@pytest.mark.parametrize(("rating", "said"), [("", "neither scores of metrics"), ("3", "all pictures are rated 3")])
def test_data_without_anything_to_learn_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rating: str, said: str
) -> None:
    lines = [f"{save(tmp_path / f'{i}.png', scene(i))},,{rating},{i}\n" for i in range(6)]
    (tmp_path / "r.csv").write_text("path,label,mos,group\n" + "".join(lines))
    command = ["train", "--recipe", "deepfl", "--data", str(tmp_path / "r.csv"), "--out", str(tmp_path / "o")]
    assert dheads(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_few_scenes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clean(tmp_path / "clean", 2)
    made = tmp_path / "made"
    assert dheads(["synth", "--kadis", str(tmp_path / "clean"), str(made), "--scores", "psnr", "--jobs", "1"]) == 0
    capsys.readouterr()
    assert dheads(["train", "--recipe", "deepfl", "--data", str(made), "--out", str(tmp_path / "o")]) == 1
    assert "at least 5 are needed" in capsys.readouterr().err
