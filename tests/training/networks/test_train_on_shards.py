"""The recipe end to end in miniature: shards, joint training, resuming, folding, and the bundle of heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import load_backbone
from distortion_heads.backbones.read_views import view_features
from distortion_heads.datasets.clean_pictures import find_scenes
from distortion_heads.datasets.shards import ShardPlan, make_shard, read_shard
from distortion_heads.errors import DataError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.spec import BackboneSpec, HeadSpec
from distortion_heads.training.networks.backbone_network import MultiTaskNetwork, multitask_loss
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import ShardRecipe
from distortion_heads.training.networks.train_on_shards import train_backbone
from distortion_heads.training.runs.from_clean_pictures import BundleOptions, Stage, train_bundle
from helpers.little_networks import tiny, write_scenes

LABELS = ("impulse_noise", "under_exposure", "white_noise")
RECIPE = ShardRecipe(steps=12, distinct_shards=2, native=9, overview=3, shard_native=36, shard_overview=12, warmup=2)
TINY = tiny(6, 8)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return build_registry(no_plugins=True)


@pytest.fixture(scope="module")
def specs(registry: Registry) -> tuple[HeadSpec, ...]:
    return tuple(registry.head(label).spec for label in LABELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("clean"), 12)


def test_scenes_split_by_name_and_never_overlap(folder: Path) -> None:
    scenes = find_scenes(folder)
    assert len(scenes.fit) + len(scenes.hold) == 12
    assert not set(scenes.fit) & set(scenes.hold)
    assert find_scenes(folder) == scenes


def test_too_few_scenes_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes((folder / "scene0.png").read_bytes())
    with pytest.raises(DataError, match="at least 8"):
        find_scenes(tmp_path)


def test_a_shard_is_the_same_bytes_every_time(folder: Path, specs: tuple[HeadSpec, ...], tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        plan = ShardPlan(folder=tmp_path / name, scenes=find_scenes(folder).fit, seed=3, native=12, overview=8)
        paths.append(make_shard(plan, specs, 5))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    shard = read_shard(paths[0])
    assert shard.native.shape == (12, 160, 160, 3)
    assert shard.overview.shape == (8, 128, 128, 3)
    present = shard.native_severity[shard.native_severity > 0]
    assert present.min() >= 1
    assert present.max() <= 5


def test_mixtures_show_families_and_what_can_be_seen(
    folder: Path, registry: Registry, specs: tuple[HeadSpec, ...], tmp_path: Path
) -> None:
    known = (*specs, registry.head("noise").spec, registry.head("exposure").spec)
    plan = ShardPlan(
        folder=tmp_path,
        scenes=find_scenes(folder).fit,
        seed=3,
        native=4,
        overview=4,
        mixed=16,
        found=(folder / "scene0.png",),
    )
    shard = read_shard(make_shard(plan, known, 0))
    assert plan.counts() == (len(shard.native), len(shard.overview)) == (68, 20)
    grouped = shard.native_severity[:4, 3:]
    assert (np.isnan(grouped) | (grouped == 0)).all(), "nobody compared them with the picture without"
    mixed = shard.overview_severity[4:]
    for row, crops in zip(mixed, shard.native_severity[4:].reshape(16, 4, 5), strict=True):
        np.testing.assert_array_equal(crops, np.repeat(row[None], 4, axis=0))
    families = mixed[:, 3:]
    assert (families == 0).any()
    assert (families > 0).any()
    of_family = {"impulse_noise": 3, "white_noise": 3, "under_exposure": 4}
    for kind, label in enumerate(LABELS):
        seen = mixed[:, kind] > 0
        assert (mixed[seen, of_family[label]] > 1).all(), "a kind is seen, so its family is"
    assert plan.digest(known) != replace(plan, mixed=0).digest(known)


def test_the_loss_counts_only_the_samples_that_a_head_reads() -> None:
    out = torch.zeros(2, 2, 2)
    severity = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    reads_all = torch.ones(2, 2, dtype=torch.bool)
    base = multitask_loss(out, severity, reads_all)
    assert float(base) == pytest.approx((3 + 3) / 2 * np.log(2) + np.log(3), rel=1e-5)
    out[1, 1, 0] = 50.0
    unread = reads_all.clone()
    unread[1, 1] = False
    assert float(multitask_loss(out, severity, unread)) < float(base)
    assert float(multitask_loss(out, severity, reads_all)) > 20


def test_the_loss_knows_what_is_not_known() -> None:
    """A head learns nothing of a sample whose label is not known, and families are no choice beside their kinds."""
    kinds = torch.tensor([True, True, False])
    out = torch.zeros(2, 3, 2, requires_grad=True)
    severity = torch.tensor([[3.0, 0.0, float("nan")], [0.0, float("nan"), 3.0]])
    loss = multitask_loss(out, severity, torch.ones(2, 3, dtype=torch.bool), kinds)
    (slope,) = torch.autograd.grad(loss, out)
    assert bool(torch.isfinite(loss))
    assert (slope[0, 2].tolist(), slope[1, 1].tolist()) == ([0, 0], [0, 0])
    assert slope[1, 2, 0] < 0
    # which kind it is, is asked of the first sample alone: of the second one kind is not known
    assert float(loss.detach()) == pytest.approx((3 + 1 + 1 + 3) / 2 * np.log(2) + np.log(3) / 2, rel=1e-5)


def test_a_backbone_file_unfolds_into_the_network_that_it_came_from() -> None:
    torch.manual_seed(1)
    network, other = (MultiTaskNetwork(TINY, ["native"]).backbone for _ in range(2))
    samples = torch.rand(6, 3, 64, 64) * 255
    for _ in range(5):
        network.train()(samples)
    tensors = network.eval().folded()
    other.unfold(tensors, samples)
    for name, value in other.eval().folded().items():
        np.testing.assert_allclose(value, tensors[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_folding_keeps_the_features(specs: tuple[HeadSpec, ...], tmp_path: Path) -> None:
    """Training's network in evaluation mode and the engine of the written file give the same features."""
    from distortion_heads.backbones.files import dump_backbone
    from distortion_heads.backbones.with_torch.cell_graph import build_graph

    torch.manual_seed(0)
    network = MultiTaskNetwork(TINY, [spec.view for spec in specs]).train()
    for _ in range(20):
        network(torch.rand(8, 3, 64, 64) * 255)
    network.eval()
    (tmp_path / "t.safetensors").write_bytes(dump_backbone("t", TINY, network.backbone.folded(), {}))
    (tmp_path / "t.onnx").write_bytes(build_graph(TINY))
    spec = BackboneSpec(name="t", weights=tmp_path / "t.safetensors", graph=tmp_path / "t.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network.backbone(torch.from_numpy(pixels).permute(2, 0, 1)[None].float()).numpy()
    np.testing.assert_allclose(view_features(load_backbone(spec), pixels, "native"), expected, atol=2e-3)


def test_a_killed_run_goes_on_and_ends_at_the_same_weights(
    folder: Path, specs: tuple[HeadSpec, ...], tmp_path: Path
) -> None:
    scenes = find_scenes(folder)

    def train(run: Path, stop_at: int | None = None) -> MultiTaskNetwork:
        def watch(progress: Progress) -> None:
            if progress.step == stop_at:
                raise KeyboardInterrupt

        return train_backbone(
            run, scenes.fit, scenes.hold, specs, RECIPE, report=watch, architecture=TINY, checkpoint_every=1
        )

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", stop_at=4)
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["state"]["step"] == 4
    resumed = train(tmp_path / "killed")
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=0, rtol=0, msg=name)
    with pytest.raises(DataError, match="another recipe"):
        train_backbone(tmp_path / "killed", scenes.fit, scenes.hold, specs, replace(RECIPE, seed=1), architecture=TINY)


def test_families_learn_beside_kinds_from_a_backbone_that_is_there(
    folder: Path, registry: Registry, specs: tuple[HeadSpec, ...], tmp_path: Path
) -> None:
    """The heads of families shape the backbone; they are fitted by a command of their own."""
    everything = (*specs, registry.head("noise").spec)
    recipe = replace(RECIPE, steps=2, shard_mixed=4, shard_native=20, shard_overview=8)
    options = BundleOptions(
        images=folder, out=tmp_path / "a", recipe=recipe, architecture=TINY, fit_pictures=100, hold_pictures=100
    )
    first = train_bundle(options, everything)
    assert sorted(path.stem for path in (first / "heads").iterdir()) == sorted(LABELS)
    assert read_backbone(first / "backbone" / "dheads_small.safetensors").info["distortions"] == [*LABELS, "noise"]
    start, scenes = first / "backbone" / "dheads_small.safetensors", find_scenes(folder)
    short = replace(recipe, steps=1)
    train_backbone(tmp_path / "b", scenes.fit, scenes.hold, everything, short, architecture=TINY, start=start)
    with pytest.raises(DataError, match="another architecture"):
        train_backbone(tmp_path / "c", scenes.fit, scenes.hold, everything, short, architecture=tiny(5, 8), start=start)


def test_the_bundle_is_a_backbone_and_heads_that_predict(
    folder: Path, registry: Registry, specs: tuple[HeadSpec, ...], tmp_path: Path
) -> None:
    seen: list[Progress | Stage] = []
    options = BundleOptions(
        images=folder, out=tmp_path, recipe=RECIPE, architecture=TINY, fit_pictures=100, hold_pictures=100
    )
    train_bundle(options, specs, seen.append)
    assert any(isinstance(progress, Progress) for progress in seen)
    files = sorted(path.stem for path in (tmp_path / "heads").iterdir())
    assert files == sorted(LABELS)
    spec = BackboneSpec(
        name="dheads_small",
        weights=tmp_path / "backbone" / "dheads_small.safetensors",
        graph=tmp_path / "backbone" / "dheads_small.onnx",
    )
    info = read_backbone(spec.weights).info
    assert info["distortions"] == sorted(LABELS)
    heads = {
        label: replace(head, spec=replace(head.spec, weights=tmp_path / "heads" / f"{label}.safetensors"))
        for label, head in registry.heads.items()
        if label in LABELS
    }
    predictor = Predictor(registry=replace(registry, heads=heads), backbone=spec)
    assert predictor.problems == ()
    assert {head.license for head in predictor.heads} == {"unspecified"}  # they are of whoever trained them
    prediction = predictor.predict(next(folder.iterdir()))
    assert [head.severity is not None for head in prediction.heads] == [True] * 3
