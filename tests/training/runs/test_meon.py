"""MEON trained on records: what is written, what reads it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.files import read_patch_backbone
from distortion_heads.backbones.with_torch.meon import Places
from distortion_heads.backbones.with_torch.patch_network import patch_network
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.trained_networks import finetune_method
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.registry.attached import load_registry
from distortion_heads.synthesis.visibility import UNCHANGED
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.networks.recipes import MEON
from distortion_heads.training.networks.two_steps import types_by_vote
from distortion_heads.training.runs.finetune import Fitted
from distortion_heads.training.runs.fit_records import fit_records
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.opinions_of_records import find_opinions
from helpers.little_records import LABELS, little_corpus

REGISTRY = load_registry()
QUICK = replace(MEON, epochs=1, images_per_batch=8, rate=1e-3, backbone_rate=1e-3)
MOS = {(): 90.0, ("dark",): 60.0, ("grain",): 30.0}
Parts = tuple[list[Record], list[Record]]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """Four scenes to train on and two to validate with; some pictures have two faults."""
    corpus = little_corpus(tmp_path_factory.mktemp("records"), scenes=6)
    records = [replace(record, mos=MOS.get(record.labels)) for record in corpus.records]
    return [r for r in records if r.scene < "s04"], [r for r in records if r.scene >= "s04"]


def fitted(folder: Path, parts: Parts, site: dict[str, Any] | None = None, **choice: Any) -> Fitted:
    job = TrainingJob(
        run=folder,
        backbones=folder / "backbone",
        cache=FeatureCache(folder / "cache"),
        hashes=content_hashes([record.path for part in parts for record in part]),
        registry=REGISTRY,
        **(site or {}),
    )
    chosen = NetworkChoice(**{"backbone": "meon", "finetune": "all", "recipe": QUICK, **choice})
    return fit_records(chosen, job, *parts, LABELS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, parts: Parts) -> tuple[Path, Fitted]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, fitted(folder, parts)


def test_the_heads_say_what_the_network_says(trained: tuple[Path, Fitted], parts: Parts) -> None:
    folder, found = trained
    file = read_patch_backbone(folder / "backbone" / "meon.safetensors")
    assert file.info["labels"] == [*LABELS, "pristine"]
    network, places = patch_network(found.backbone, file).eval(), Places.of(file.ref.dim, 3)
    patches = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)
    with torch.no_grad():
        out = network(torch.from_numpy(patches.transpose(0, 3, 1, 2).copy())).numpy()
    p = np.exp(out[:, places.logits])
    p /= p.sum(1, keepdims=True)
    quality = found.quality
    assert quality is not None
    assert quality.scale is not None
    assert (quality.scale.low, quality.scale.high) == (30.0, 90.0)
    (layer,) = quality.layers
    assert layer.activation == "softmax_mixture"
    from distortion_heads.heads.bank import HeadBank

    expected = 30 + 0.6 * (p * out[:, places.scores]).sum(1)
    np.testing.assert_allclose(HeadBank([quality]).evaluate(out).logits[0], expected, rtol=2e-3)
    for column, head in enumerate(found.heads):
        logits = HeadBank([head]).evaluate(out).logits[0]
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), p[:, column], rtol=1e-4, atol=1e-6)
        assert head.threshold.objective == "majority of the windows"
    assert {head.label for head in found.heads} == set(LABELS)


def test_quality_is_measured_and_records_of_two_faults_are_left_out(trained: tuple[Path, Fitted], parts: Parts) -> None:
    quality = trained[1].quality
    assert quality is not None
    assert quality.metrics.n == sum(len(record.severities) < 2 for record in parts[1]) == 10
    assert quality.metrics.mae is not None
    assert trained[1].heads[0].metrics.n == 10


def test_a_finished_run_is_read_again(trained: tuple[Path, Fitted], parts: Parts) -> None:
    folder, found = trained
    again = fitted(folder, parts, {"report": lambda progress: pytest.fail("a step was made")})
    assert again.features.backbone.ref == found.features.backbone.ref


def test_the_second_step_begins_with_what_another_run_learnt(
    trained: tuple[Path, Fitted], parts: Parts, tmp_path: Path
) -> None:
    weights = trained[0] / "backbone" / "meon.safetensors"
    still = replace(QUICK, backbone_rate=0.0)
    found = fitted(tmp_path, parts, weights=str(weights), recipe=still)
    assert not (tmp_path / "types.pt").exists()
    ours, theirs = (read_patch_backbone(f).tensors for f in (found.backbone.weights, weights))
    same = [name for name in ours if np.array_equal(ours[name], theirs[name])]
    assert {name.split(".")[1] for name in same if name.startswith("torso")} >= {"shared", "of_types"}
    assert not any(name in same for name in ours if name.startswith("torso.of_scores") and "weight" in name)


def test_without_opinions_types_alone_are_learnt(parts: Parts, tmp_path: Path) -> None:
    unrated = tuple([replace(record, mos=None) for record in part] for part in parts)
    found = fitted(tmp_path, (unrated[0], unrated[1]))
    assert found.quality is None
    assert len(found.heads) == 2
    assert not (tmp_path / "quality.pt").exists()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"backbone": "densenet169"}, "a network of its own"),
        ({"finetune": "frozen"}, "leave --finetune out"),
        ({"weights": "imagenet"}, "no ImageNet weights: leave --weights out"),
        ({"recipe": replace(QUICK, side=64)}, "leave --side out"),
    ],
)
def test_what_cannot_be_is_one_line(choice: dict[str, Any], message: str, parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        fitted(tmp_path, parts, **choice)


def test_records_that_cannot_be_learnt_from_are_refused(
    parts: Parts, trained: tuple[Path, Fitted], tmp_path: Path
) -> None:
    def changed(keep: Any, **changes: Any) -> Parts:
        made = [[replace(record, **changes) for record in part if keep(record)] for part in parts]
        return made[0], made[1]

    with pytest.raises(DataError, match="needs clean records"):
        fitted(tmp_path, changed(lambda record: record.severities))
    with pytest.raises(DataError, match="all ratings are 3"):
        fitted(tmp_path, changed(lambda record: True, mos=3.0))
    weights = str(trained[0] / "backbone" / "meon.safetensors")
    with pytest.raises(DataError, match="a dataset with opinions"):
        fitted(tmp_path, changed(lambda record: True, mos=None), weights=weights)
    with pytest.raises(DataError, match="no backbone that"):
        fitted(tmp_path, parts, weights=weights, backbone="meon_relu")


def test_ratings_of_which_less_is_better_are_turned_round(parts: Parts) -> None:
    records = parts[0]
    plain, turned = (find_opinions(records, REGISTRY, "a set", turned=turned) for turned in (False, True))
    assert plain is not None
    assert turned is not None
    there, back = plain.of(records, REGISTRY), turned.of(records, REGISTRY)
    np.testing.assert_allclose((there + back)[np.isfinite(there)], 120)
    assert (np.isnan(there) == [len(record.severities) == 2 for record in records]).all()
    percent = plain.in_percent(there)
    assert (np.nanmin(percent), np.nanmax(percent)) == (0, 100)


def test_where_nobody_rated_people_speak_by_the_strength_of_the_fault() -> None:
    blurred = [Record(path=Path("x"), scene="x", severities={"gaussian_blur": s}) for s in (2.0, 5.0)]
    both = Record(path=Path("x"), scene="x", severities={"gaussian_blur": 2.0, "jpeg": 2.0})
    unknown = Record(path=Path("x"), scene="x", severities={"jpeg": float("nan")})
    records = [*blurred, Record(path=Path("x"), scene="x"), both, unknown]
    found = find_opinions(records, REGISTRY, "made", turned=False)
    assert found is not None
    values = found.of(records, REGISTRY)
    np.testing.assert_allclose(values[:3], [4.38, 1.30, UNCHANGED], atol=0.01)  # means of KADID-10k
    assert np.isnan(values[3:]).all()


def test_it_is_a_method_of_evaluate(parts: Parts, tmp_path: Path) -> None:
    method = finetune_method(
        "meon", registry=REGISTRY, cache=FeatureCache(tmp_path / "c"), epochs=1, images_per_batch=8
    )
    judge = method.fit(parts[0], parts[1], LABELS, seed=1, work=tmp_path)
    found = judge.probabilities(parts[1])
    assert found.shape == (len(parts[1]), 2)
    assert set(np.unique(found)) <= {0.0, 1.0}  # pictures of one window each: it votes
    assert len(types_by_vote([np.eye(3, dtype=np.float32)])) == 1
