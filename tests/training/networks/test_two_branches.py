"""The two networks of Lai, Chu, Leng: what they compute, what their loss is, and what each branch learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.heads.head import Layer
from distortion_heads.spec import PatchInput
from distortion_heads.training.networks import two_branches
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.lessons import Lesson
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import LAI, lai_mixed, lai_ratings, recipe_for
from distortion_heads.training.networks.record_samples import Batch, FeatureSamples, Targets
from distortion_heads.training.networks.two_branches import (
    Rating,
    TwoBranches,
    branch_loss,
    train_branches,
    train_rating,
)

QUICK = replace(LAI, epochs=6, images_per_batch=6, rate=1e-2, score_rate=1e-2, backbone_rate=1e-3)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WIDTH", "SCORE_WIDTH", "RATING_WIDTH"):
        monkeypatch.setattr(two_branches, name, 16)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def backbone() -> PatchNetwork:
    torch.manual_seed(0)
    torso = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU())
    patches = PatchInput(mean=(0.5,) * 3, std=(0.5,) * 3, side=32, stride=32)
    return PatchNetwork("toy", torso, patches, "mean", "plugin")


def samples(count: int) -> FeatureSamples:
    """Patches of three brightnesses, which are the classes and decide the score."""
    truth = np.arange(count) % 3
    noise = np.random.default_rng(count).integers(0, 30, (count, 1, 3, 32, 32))
    windows = [(noise[i] + 40 + 70 * truth[i]).astype(np.uint8) for i in range(count)]
    presence = np.eye(3, dtype=np.float32)[truth]
    quality = np.array([0.9, 0.6, 0.3], np.float32)[truth]
    return FeatureSamples(
        windows=windows,
        targets=Targets(presence=presence, severity=np.full_like(presence, np.nan), quality=quality),
    )


def lesson(file: Path, losses: list[float] | None = None, stop: int | None = None, **changes: object) -> Lesson:
    def report(progress: Progress) -> None:
        if progress.step == stop:
            raise KeyboardInterrupt
        if losses is not None and progress.validation is not None:
            losses.append(progress.validation)

    return Lesson(
        fit=samples(18), validation=samples(6), recipe=replace(QUICK, **changes),  # type: ignore[arg-type]
        checkpoint=Checkpoint(file, {}), report=report,
    )  # fmt: skip


def batch(truth: list[list[float]], quality: list[float], owner: list[int]) -> Batch:
    count = len(truth)
    shares = [1 / (owner.count(i) * count) for i in owner]
    return Batch(
        x=torch.zeros(len(owner), 1), masks=(), owner=torch.tensor(owner), weight=torch.tensor(shares),
        presence=torch.tensor(truth), severity=torch.full((count, len(truth[0])), torch.nan),
        quality=torch.tensor(quality),
    )  # fmt: skip


def applied(layers: tuple[Layer, ...], x: np.ndarray) -> np.ndarray:
    for layer in layers:
        x = x @ layer.weight.T + layer.bias
        x = np.maximum(x, 0) if layer.activation == "relu" else x
    return x


def test_the_loss_is_cross_entropy_and_the_absolute_error_both_means_over_records() -> None:
    out = torch.randn(3, 3)
    both = batch([[0.0, 1.0], [1.0, 0.0]], [0.5, 0.2], [0, 0, 1])
    p = out[:, :2].softmax(1)
    of_first = (-p[0, 1].log() + (out[0, 2] - 0.5).abs() - p[1, 1].log() + (out[1, 2] - 0.5).abs()) / 2
    of_second = -p[2, 0].log() + (out[2, 2] - 0.2).abs()
    torch.testing.assert_close(branch_loss(out, both, 2, several=False), (of_first + of_second) / 2)
    torch.testing.assert_close(
        branch_loss(out[:, 2:], both, 0, several=False),
        ((out[:2, 2] - 0.5).abs().mean() + (out[2, 2] - 0.2).abs()) / 2,
    )


def test_of_several_classes_each_is_learnt_by_itself() -> None:
    out = torch.tensor([[2.0, -1.0]])
    found = branch_loss(out, batch([[1.0, 1.0]], [0.0], [0]), 2, several=True)
    assert found.item() == pytest.approx(float(np.log1p(np.exp(-2)) + np.log1p(np.exp(1))), rel=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_layers_of_the_score_give_what_the_network_gives(classes: int) -> None:
    network = TwoBranches(backbone(), classes)
    x = torch.randint(0, 256, (4, 3, 32, 32)).float()
    with torch.no_grad():
        features, out = network.backbone(x).numpy(), network(x).numpy()
    assert out.shape == (4, classes + 1)
    np.testing.assert_allclose(applied(network.score_layers(), features)[:, 0], out[:, classes], rtol=1e-4, atol=1e-6)
    rating = Rating(backbone())
    with torch.no_grad():
        out = rating(x).numpy()
    np.testing.assert_allclose(applied(rating.score_layers(), features), out, rtol=1e-4, atol=1e-6)


def test_the_score_reads_what_the_classes_read_and_not_the_other_way_round() -> None:
    network = TwoBranches(backbone(), 3)
    out = network(torch.randint(0, 256, (4, 3, 32, 32)).float())
    out[:, 3].sum().backward(retain_graph=True)
    assert network.class_first.weight.grad.any()
    assert not network.class_last.weight.grad.any()
    network.zero_grad()
    out[:, :3].square().sum().backward()
    assert not network.score_first.weight.grad.any()


def test_classes_and_score_are_learnt_together(tmp_path: Path) -> None:
    network, losses = TwoBranches(backbone(), 3), []
    least = train_branches(network, lesson(tmp_path / "c.pt", losses), several=False)
    assert least == min(losses) < losses[0]
    held = samples(6)
    with torch.no_grad():
        out = network(torch.from_numpy(np.concatenate(held.windows))).numpy()
    assert (out[:, :3].argmax(1) == held.targets.presence.argmax(1)).mean() > 0.5


def test_rates_are_those_of_the_parts(tmp_path: Path) -> None:
    network = TwoBranches(backbone(), 3)
    before = {name: value.clone() for name, value in network.named_parameters()}
    taught = lesson(tmp_path / "c.pt", rate=1e-3, score_rate=0.0, backbone_rate=0.0, epochs=1)
    train_branches(network, taught, several=False)
    changed = {name.split(".")[0] for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    # the score started at the mean of what it learns
    assert changed == {"class_first", "class_last", "score_last"}
    assert not network.score_last.weight.any()
    assert network.score_last.bias.item() == pytest.approx(0.6)


def test_a_killed_rating_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def run(file: Path, stop: int | None = None) -> tuple[Rating, float]:
        network = Rating(backbone())
        return network, train_rating(network, lesson(file, stop=stop, epochs=2))

    torch.manual_seed(3)
    whole, least = run(tmp_path / "a.pt")
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b.pt", stop=5)
    again, same = run(tmp_path / "b.pt")
    assert same == least < 0.3
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), whole.parameters(), strict=True))


def test_the_recipe_is_the_papers() -> None:
    recipe = recipe_for("lai")
    assert (recipe.backbone_rate, recipe.rate, recipe.score_rate) == (1e-4, 1e-5, 1e-6)
    assert (recipe.images_per_batch, recipe.epochs, recipe.side) == (256, 30, 224)
    assert lai_mixed(recipe, frozenset()).rate == 1e-4
    assert lai_mixed(recipe, frozenset({"rate"})).rate == 1e-5
    second = lai_ratings(recipe_for("lai", epochs=2), frozenset({"epochs"}))
    assert (second.rate, second.backbone_rate, second.images_per_batch, second.random_patches) == (1e-5, 1e-5, 32, 100)
    assert second.epochs == 2
