"""Pruning: what is redundant goes without loss, what is dead goes first, and a wide checkpoint starts a narrow run."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.little_pictures import write_clean

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from distortion_heads.backbones.architecture import Architecture, Conv, small
from distortion_heads.datasets.clean_pictures import find_scenes
from distortion_heads.datasets.shards import ShardPlan, make_shard, read_shard
from distortion_heads.errors import DataError
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import HeadSpec
from distortion_heads.training.networks.backbone_network import MultiTaskNetwork
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.loop import State
from distortion_heads.training.networks.prune import choose, prune, wider_version
from distortion_heads.training.networks.recipes import ShardRecipe
from distortion_heads.training.networks.train_on_shards import CROP, train_backbone

RECIPE = ShardRecipe(steps=2, distinct_shards=1, native=9, overview=3, shard_native=36, shard_overview=12, warmup=1)


def stack(a: int, b: int, c: int, bank: tuple[Conv, ...] = ()) -> Architecture:
    first = Conv(inputs=3, outputs=a, kernel=5, stride=2, level=True)
    second, third = Conv(inputs=a, outputs=b, stride=2), Conv(inputs=b, outputs=c, stride=2, level=True)
    return Architecture(convs=(first, second, third, *bank))


def pictures(count: int, side: int) -> Tensor:
    """Noise of a few colours and scales, so that channels respond in different ways."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    fine = torch.rand(count, 3, side, side, generator=generator) * torch.rand(count, 1, 1, 1, generator=generator)
    return 128 * (nn.functional.interpolate(coarse, size=(side, side), mode="bilinear") + 0.9 * fine)


def network_of(architecture: Architecture, samples: Tensor, hidden: int = 4) -> MultiTaskNetwork:
    """A random network."""
    torch.manual_seed(1)
    return with_statistics(MultiTaskNetwork(architecture, ["native", "overview"], hidden), samples)


@torch.no_grad()
def with_statistics(network: MultiTaskNetwork, samples: Tensor) -> MultiTaskNetwork:
    """In evaluation mode, its normalisation by the statistics of `samples`."""
    norms = [*network.backbone.norms, network.backbone.standardise]
    for norm in norms:
        norm.momentum = 1.0
    network.train()(samples)
    return network.eval()


@torch.no_grad()
def widened(network: MultiTaskNetwork, sources: list[list[int]]) -> MultiTaskNetwork:
    """The same function with channel `sources[i][j]` of convolution i as channel j: copies share what they are read."""
    architecture, old = network.backbone.architecture, network.backbone
    wide = MultiTaskNetwork(stack(*(len(source) for source in sources)), ["native", "overview"], hidden=4)
    columns, offset, inputs = [], 0, [0, 1, 2]
    for i, (conv, source) in enumerate(zip(architecture.stack, sources, strict=True)):
        copies = torch.tensor([inputs.count(channel) for channel in inputs])
        wide.backbone.convs[i].weight.copy_(old.convs[i].weight[source][:, inputs] / copies[None, :, None, None])
        state = old.norms[i].state_dict()
        wide.backbone.norms[i].load_state_dict({n: t[source] if t.ndim else t for n, t in state.items()})
        if conv.level:
            columns += [offset + channel for channel in source]
            offset += conv.outputs
        inputs = source
    columns += [architecture.channels + column for column in columns]
    copies = torch.tensor([columns.count(column) for column in columns])
    state = old.standardise.state_dict()
    wide.backbone.standardise.load_state_dict({n: t[columns] if t.ndim else t for n, t in state.items()})
    heads = network.heads.state_dict()
    wide.heads.load_state_dict({**heads, "first.weight": heads["first.weight"][:, columns] / copies})
    return wide.eval()


@torch.no_grad()
def kill(network: MultiTaskNetwork, layer: int, channels: list[int]) -> None:
    """Nothing passes the ReLU of these channels."""
    network.backbone.norms[layer].bias[channels] = -100.0


def test_copied_channels_go_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "distortion_heads.training.networks.prune.FEATURE_RIDGE", 0.01
    )  # else it shrinks what stands in
    samples = pictures(500, 32)
    network = network_of(stack(4, 5, 6), samples)
    wide = widened(network, [[2, 0, 1, 0, 3, 2], [0, 1, 2, 3, 4, 4], [5, 4, 3, 3, 2, 1, 0, 0, 5]])
    with torch.no_grad():
        expected = wide(samples)
        torch.testing.assert_close(expected, network(samples), atol=1e-4, rtol=1e-4)
        assert expected.std(0).min() > 0.05
        pruned = prune(wide, stack(4, 5, 6), samples)
        torch.testing.assert_close(pruned(samples), expected, atol=1e-3, rtol=0)
    assert not pruned.training
    assert pruned.backbone.architecture == stack(4, 5, 6)
    assert pruned.get_buffer("reads_overview").tolist() == [False, True]


def test_kept_channels_stand_in_for_their_sum() -> None:
    """A channel that is the sum of two others is spared, but not by whoever leaves the next weights as they are."""
    samples = pictures(300, 32)
    wide = network_of(stack(6, 6, 6), samples)
    with torch.no_grad():
        for norm in wide.backbone.norms:
            norm.bias.copy_(torch.arange(8, 14))  # large, so that the ReLU cuts nothing off; each its own
        wide.backbone.convs[0].weight[5] = wide.backbone.convs[0].weight[1] + wide.backbone.convs[0].weight[3]
        pruned = prune(with_statistics(wide, samples), stack(5, 6, 6), samples)
        kept = [int(bias) - 8 for bias in pruned.backbone.norms[0].bias]
        plain = deepcopy(pruned)
        plain.backbone.convs[1].weight.copy_(wide.backbone.convs[1].weight[:, kept])
        expected, found, without = wide.backbone(samples), pruned.backbone(samples), plain.backbone(samples)
    correlations = [
        min(float(torch.corrcoef(torch.stack([expected[:, 6 + i], features[:, 5 + i]]))[0, 1]) for i in range(6))
        for features in (found, without)
    ]
    assert correlations[0] > 0.99
    assert correlations[1] < 0.95


def test_dead_channels_go_first_whatever_reads_them() -> None:
    samples = pictures(200, 32)
    wide = network_of(stack(6, 7, 8), samples)
    for layer, channels in enumerate(([1, 4], [0, 2], [3, 5, 7])):
        kill(wide, layer, channels)
    with torch.no_grad():
        wide.heads.first.weight[:, [1, 4]] = 50.0
        wide.backbone.convs[1].weight[:, [1, 4]] = 50.0
    pruned = prune(wide, stack(4, 5, 5), samples)
    before = None
    for layer, alive in enumerate(([0, 2, 3, 5], [1, 3, 4, 5, 6], [0, 1, 2, 4, 6])):
        weight = wide.backbone.convs[layer].weight[alive]
        torch.testing.assert_close(pruned.backbone.convs[layer].weight, weight if before is None else weight[:, before])
        before = alive


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_choice_takes_one_of_each_kind_before_a_second_and_the_dead_last(constant: float) -> None:
    generator = torch.Generator().manual_seed(2)
    kinds = torch.randn(1000, 3, generator=generator, dtype=torch.float64)
    columns = [kinds[:, 0], kinds[:, 0] * 0 + constant, kinds[:, 1], 2 * kinds[:, 0], kinds[:, 2], -kinds[:, 1]]
    covariance = torch.cov(torch.stack(columns))
    even = torch.ones(6, dtype=torch.float64)
    assert choose(covariance, even, 3) in ([0, 2, 4], [2, 3, 4], [0, 4, 5], [3, 4, 5])
    assert choose(covariance, even, 5) == [0, 2, 3, 4, 5]
    assert choose(covariance, even, 6) == [0, 1, 2, 3, 4, 5]
    wanted = torch.tensor([0, 9, 0, 0, 1, 0], dtype=torch.float64)
    assert choose(covariance, wanted, 1) == [4]


def test_layer_that_is_wholly_dead_is_pruned() -> None:
    samples = pictures(50, 32)
    wide = network_of(stack(4, 4, 4), samples)
    kill(wide, 1, [0, 1, 2, 3])
    pruned = prune(wide, stack(3, 2, 3), samples)
    assert all(tensor.isfinite().all() for tensor in pruned.state_dict().values())
    with torch.no_grad():
        assert pruned(samples).isfinite().all()


def test_bundled_architecture_keeps_its_banks_and_is_pruned_the_same_twice() -> None:
    samples = pictures(12, 96)
    wide = network_of(small((6, 8, 10, 12, 14)), samples)
    narrow = small((3, 8, 7, 6, 5))
    first, second = prune(wide, narrow, samples), prune(wide, narrow, samples)
    assert [conv.weight.shape[0] for conv in first.backbone.convs] == [3, 3, 8, 8, 7, 7, 7, 6, 6, 6, 5, 5]
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(tensor, second.state_dict()[name], atol=0, rtol=0, msg=name)
    with torch.no_grad():
        banks = [
            torch.arange(channels - 48, channels) for channels in (narrow.channels, wide.backbone.architecture.channels)
        ]
        torch.testing.assert_close(
            first.backbone(samples)[:, banks[0]], wide.backbone(samples)[:, banks[1]], atol=1e-4, rtol=1e-4
        )


BANK = Conv(inputs=3, outputs=32, kernel=11, stride=4, level=True, analysis=True)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (stack(4, 6, 4), "convolution 1 has 5 channels, which cannot be pruned to 6: "),
        (Architecture(convs=stack(4, 4, 4).convs[:2]), "same depth"),
        (Architecture(convs=(replace(stack(4, 4, 4).convs[0], kernel=3), *stack(4, 4, 4).convs[1:])), "kernels"),
        (stack(4, 4, 4, bank=(BANK,)), "banks"),
    ],
)
def test_target_that_is_not_narrower_is_refused(target: Architecture, says: str) -> None:
    wide = MultiTaskNetwork(stack(5, 5, 5), ["native"])
    with pytest.raises(DataError, match=says) as caught:
        prune(wide, target, pictures(2, 32))
    assert "\n" not in str(caught.value)


def test_widths_are_read_from_a_state_dict() -> None:
    state = MultiTaskNetwork(stack(5, 6, 7), ["native"]).state_dict()
    assert wider_version(stack(4, 6, 2), state) == stack(5, 6, 7)
    assert wider_version(stack(5, 6, 7), state) is None
    assert wider_version(stack(4, 7, 2), state) is None
    assert wider_version(Architecture(convs=stack(4, 4, 4).convs[:2]), state) is None
    assert wider_version(stack(4, 6, 2), {}) is None
    assert wider_version(stack(4, 6, 2), None) is None


@pytest.fixture(scope="module")
def specs() -> tuple[HeadSpec, ...]:
    registry = build_registry(no_plugins=True)
    return tuple(registry.head(label).spec for label in ("under_exposure", "white_noise"))


def test_run_starts_with_a_wider_checkpoint(specs: tuple[HeadSpec, ...], tmp_path: Path) -> None:
    scenes = find_scenes(write_clean(tmp_path / "clean", 12))

    def train(run: str, architecture: Architecture) -> MultiTaskNetwork:
        still = replace(RECIPE, learning_rate=0.0)
        return train_backbone(
            tmp_path / run, scenes.fit, scenes.hold, specs, still, architecture=architecture, start=begun
        )

    begun = tmp_path / "wide.pt"
    wide = network_of(stack(6, 5, 8), pictures(50, 32), hidden=RECIPE.hidden)
    assert wide.get_buffer("reads_overview").tolist() != [spec.view != "native" for spec in specs]
    written = Checkpoint(begun, {"other heads": ",".join(spec.label for spec in specs)})
    written.save(wide.state_dict(), torch.optim.AdamW(wide.parameters()), State(step=1))
    trained = train("narrow", stack(4, 5, 6))
    assert trained.get_buffer("reads_overview").tolist() == [spec.view != "native" for spec in specs]
    plan = ShardPlan(
        folder=tmp_path / "narrow" / "shards",
        scenes=scenes.fit,
        seed=RECIPE.seed,
        native=RECIPE.shard_native,
        overview=RECIPE.shard_overview,
        emphasis=RECIPE.emphasis,
    )
    shard = read_shard(make_shard(plan, specs, 0))
    margin = (shard.native.shape[1] - CROP) // 2
    centres = torch.from_numpy(shard.native[:, margin : margin + CROP, margin : margin + CROP])
    samples = torch.cat([centres, torch.from_numpy(shard.overview)]).permute(0, 3, 1, 2).float()
    expected = prune(wide, stack(4, 5, 6), samples)
    for (name, weight), found in zip(expected.named_parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(found, weight, msg=name)
    for run, architecture in (("wider", stack(6, 6, 8)), ("shallow", Architecture(convs=stack(4, 5, 6).convs[:1]))):
        with pytest.raises(DataError, match=r"wide\.pt holds a network of another architecture"):
            train(run, architecture)
