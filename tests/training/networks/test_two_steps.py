"""The two steps of MEON: the loss, what each step trains, and the vote over windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.with_torch.meon import Gdn, Meon
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.backbones.with_torch.patch_network import new_meon
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.lessons import Lesson
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import MEON, RecordRecipe
from distortion_heads.training.networks.record_samples import Batch, FeatureSamples, Samples, Targets
from distortion_heads.training.networks.two_steps import (
    JITTER,
    LAMBDA,
    jittered,
    joint_loss,
    parameter_groups,
    train_jointly,
    train_types,
    types_by_vote,
)

QUICK = replace(MEON, epochs=2, images_per_batch=3, rate=1e-3, backbone_rate=1e-3, random_patches=1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batch(truth: list[int], quality: list[float], types: int = 3) -> Batch:
    return Batch(
        x=torch.zeros(len(truth), 1),
        masks=(),
        owner=torch.arange(len(truth)),
        weight=torch.ones(len(truth)),
        presence=torch.eye(types)[truth],
        severity=torch.full((len(truth), types), torch.nan),
        quality=torch.tensor(quality),
    )


def samples(count: int) -> FeatureSamples:
    """Dark patches, bright ones and noise, of ever worse quality."""
    rng = np.random.default_rng(count)
    truth = np.arange(count) % 3
    windows = [np.where(t == 2, rng.integers(0, 256, (1, 3, 256, 256)), 60 + 100 * t).astype(np.uint8) for t in truth]
    presence = np.eye(3, dtype=np.float32)[truth]
    quality = np.array([80.0, 50.0, 20.0], np.float32)[truth]
    quality[0] = np.nan
    return FeatureSamples(
        windows=windows,
        targets=Targets(presence=presence, severity=np.full_like(presence, np.nan), quality=quality),
    )


def lesson(
    parts: tuple[Samples, Samples], file: Path, report: Callable[[Progress], None], recipe: RecordRecipe = QUICK
) -> Lesson:
    fit, validation = parts
    return Lesson(fit=fit, validation=validation, recipe=recipe, checkpoint=Checkpoint(file, {}), report=report)


def network() -> PatchNetwork:
    torch.manual_seed(0)
    made = new_meon("meon", 3)
    made.learns_norms = True
    return made


def test_the_loss_is_cross_entropy_and_the_error_of_quality_summed_over_the_batch() -> None:
    out = torch.randn(2, 64 + 9)
    logits, scores = out[:, 64:67], out[:, 70:73]
    p = logits.softmax(1)
    entropy = -(p[0, 1].log() + p[1, 2].log())
    error = ((p * scores).sum(1) - torch.tensor([30.0, 0.0])).abs()
    known = batch([1, 2], [30.0, torch.nan])
    torch.testing.assert_close(joint_loss(out, known, types_alone=True), entropy)
    torch.testing.assert_close(joint_loss(out, known, types_alone=False), entropy + LAMBDA * error[0])


def test_an_error_of_quality_reaches_the_types() -> None:
    out = torch.randn(1, 64 + 9, requires_grad=True)
    one = batch([0], [100.0])
    types, both = (torch.autograd.grad(joint_loss(out, one, types_alone=alone), out)[0] for alone in (True, False))
    p, scores = out[0, 64:67].softmax(0).detach(), out[0, 70:73].detach()
    # -lambda sign(q - q^) ds^/dz, by the chain through the softmax
    expected = -LAMBDA * p * (scores - (p * scores).sum())
    torch.testing.assert_close((both - types)[0, 64:67], expected)
    assert not types[0, 70:].any()


def test_biases_learn_twice_as_fast() -> None:
    weights, biases = parameter_groups(network(), 0.5)
    assert (weights["factor"], biases["factor"]) == (1.0, 2.0)
    assert len(biases["params"]) == 8  # of four convolutions and twice two layers
    assert all(value.ndim == 1 for value in biases["params"])


def test_jitter_is_too_small_to_see_and_hangs_on_the_seed() -> None:
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), np.uint8))
    one, same, other = jittered(x, (0, 1)), jittered(x, (0, 1)), jittered(x, (0, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert 0 < float((one - x.float()).abs().max()) <= 2 * JITTER * 255


def test_both_steps_learn_and_keep_the_projections(tmp_path: Path) -> None:
    made, parts = network(), (samples(9), samples(6))
    torso = made.torso
    assert isinstance(torso, Meon)
    scores = [value.clone() for value in torso.of_scores.parameters()]

    def looked_at(progress: Progress) -> None:
        for layer in torso.modules():
            if isinstance(layer, Gdn):
                assert (layer.gamma >= 0).all()
                assert (layer.beta > 0).all()
                assert torch.equal(layer.gamma, layer.gamma.T)

    losses: list[float] = []

    def types(progress: Progress) -> None:
        looked_at(progress)
        losses.append(progress.loss)

    train_types(made, lesson(parts, tmp_path / "t.pt", types, replace(QUICK, epochs=8)))
    assert min(losses) < losses[0] / 2
    assert all(torch.equal(a, b) for a, b in zip(scores, torso.of_scores.parameters(), strict=True))
    train_jointly(made, lesson(parts, tmp_path / "q.pt", looked_at))
    assert not all(torch.equal(a, b) for a, b in zip(scores, torso.of_scores.parameters(), strict=True))
    assert not made.training


def test_the_rate_falls_where_the_loss_stalls_until_it_is_too_small(tmp_path: Path) -> None:
    recipe = replace(QUICK, rate=1e-2, epochs=50, patience=1)
    file = Checkpoint(tmp_path / "t.pt", {})
    measured: list[float] = []

    def remember(progress: Progress) -> None:
        if progress.validation is not None:
            measured.append(progress.validation)

    parts = samples(3), replace(samples(3), targets=Targets.of([], []))  # a validation loss that never falls

    class Still:
        targets = parts[0].targets

        def load(self, index: int, rng: object) -> np.ndarray:
            return np.zeros((1, 3, 256, 256), np.uint8)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("distortion_heads.training.networks.lessons.mean_loss", lambda *_: 1.0)
        train_types(network(), lesson((parts[0], Still()), file.path, remember, recipe))
    # the first epoch is the best; each epoch after it divides by ten: 1e-2, 1e-3, 1e-4, and no more
    assert len(measured) == 4
    groups = file.read()["optimizer"]["param_groups"]
    assert [group["rate"] for group in groups] == pytest.approx([1e-4, 1e-4])


def test_a_killed_step_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    parts = samples(6), samples(3)

    def run(folder: Path, stop: int | None = None) -> PatchNetwork:
        def report(progress: Progress) -> None:
            if progress.step == stop:
                raise KeyboardInterrupt

        made = network()
        train_types(made, lesson(parts, folder / "t.pt", report))
        return made

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", stop=3)
    again = run(tmp_path / "parts")
    for ours, theirs in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_windows_vote_and_a_tie_goes_to_the_more_probable_type() -> None:
    one, two = [5.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    logits = [np.array(windows, np.float32) for windows in ([one, two, two], [two, one], [two])]
    assert types_by_vote(logits).tolist() == [1, 0, 1]
