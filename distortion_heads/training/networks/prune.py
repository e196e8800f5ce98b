"""Channel pruning: a narrow network that does what a wide one does, as nearly as it can, to go on training from.

Of each convolution some channels are kept, chosen greedily by how much of what the next layers read they explain
(ThiNet: Luo, Wu, Lin 2017), and the weights of those layers are rewritten so that the kept channels stand in for the
removed ones by least squares (He, Zhang, Sun 2017). Only covariances enter, so that no sampling is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from distortion_heads.backbones.architecture import MAX_CHANNELS, Architecture
from distortion_heads.errors import DataError
from distortion_heads.training.networks.backbone_network import BackboneNetwork, MultiTaskNetwork
from distortion_heads.views.units import FEATURE_LIMIT

BATCH = 100

DEAD = 1e-6
"""A channel with less than this share of its layer's mean variance is dead. As much is added to all variances."""

EXPLAINED = 1e-5
"""A channel of whose variance less than this share is left is no better than those that were chosen before it."""

RIDGE, MEAN_RIDGE = 1e-4, 1e-5
"""Ridge of the channels' least squares: shares of each channel's own variance, and of the mean variance."""

FEATURE_RIDGE = 20.0
"""Ridge of the features' least squares: added to their sums of squares."""

TINY = 1e-12


@torch.no_grad()
def prune(wide: MultiTaskNetwork, architecture: Architecture, samples: Tensor) -> MultiTaskNetwork:
    """A network of `architecture` made from `wide`, in evaluation mode; `wide` is put in it too.

    `samples` are some hundred training pictures, (n, 3, H, W) in [0, 255] on the device of `wide`: on them activations
    are compared, and the statistics of the batch normalisation measured. Deterministic, but for rounding.
    Raises `DataError` if `architecture` is not a narrower version of that of `wide`.
    """
    whole = wide.backbone.architecture
    _check_narrower(whole, architecture)
    covariances, features = _observe(wide.eval().backbone, samples)
    read = _importance(wide, covariances)
    kept = [
        choose(covariance, importance, conv.outputs)
        for covariance, importance, conv in zip(covariances, read, architecture.stack, strict=True)
    ]
    narrow = like(wide, architecture).to(samples.device).eval()
    _fill_convolutions(narrow.backbone, wide.backbone, kept, covariances)
    _fill_heads(narrow, wide, _feature_columns(whole, kept), features)
    _renew_statistics(narrow.backbone, samples)
    return narrow


def like(network: MultiTaskNetwork, architecture: Architecture) -> MultiTaskNetwork:
    """A network of that architecture with heads for the same views, with random weights."""
    reads_overview = network.get_buffer("reads_overview").tolist()
    return MultiTaskNetwork(
        architecture, ["overview" if reads else "native" for reads in reads_overview], network.heads.hidden
    )


def wider_version(architecture: Architecture, state: object) -> Architecture | None:
    """`architecture` with the widths of the network whose state dict this is; None where that is no wider network."""
    weights = _convolutions(state)
    if len(weights) != len(architecture.stack):
        return None
    inputs, convs = architecture.stack[0].inputs, []
    for conv, weight in zip(architecture.stack, weights, strict=True):
        outputs = len(weight)
        if weight.shape != (outputs, inputs, conv.kernel, conv.kernel) or not conv.outputs <= outputs <= MAX_CHANNELS:
            return None
        convs.append(replace(conv, inputs=inputs, outputs=outputs))
        inputs = outputs
    wide = Architecture(convs=(*convs, *architecture.analysis))
    return None if wide == architecture else wide


def choose(covariance: Tensor, importance: Tensor, count: int) -> list[int]:
    """The `count` channels, ascending, that together explain most of the variance of all.

    Greedy forward selection: the next one is that with the largest sum, over all channels, of `importance` times the
    share of the channel's variance that it explains of what is left. Then what is explained already; the dead last.
    """
    variance = covariance.diagonal()
    least = DEAD * variance.mean() + TINY
    scale = (variance + least).sqrt()
    left = (covariance + least * torch.eye(len(covariance)).to(covariance)) / scale[:, None] / scale
    chosen: list[int] = []
    for _ in range(count):
        unexplained = left.diagonal()
        gain = importance @ left.square() / unexplained.clamp_min(DEAD)
        gain[unexplained < EXPLAINED] = -1
        gain[variance <= least] = -2
        gain[chosen] = -torch.inf
        best = int(gain.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[best]) / left[best, best].clamp_min(TINY)
    return sorted(chosen)


def _check_narrower(wide: Architecture, narrow: Architecture) -> None:
    def without_widths(architecture: Architecture) -> object:
        return [replace(conv, inputs=0, outputs=0) for conv in architecture.stack], architecture.analysis

    if without_widths(wide) != without_widths(narrow):
        raise DataError("a network can only be pruned to one of the same depth, kernels, strides, levels and banks")
    for i, (given, wanted) in enumerate(zip(wide.stack, narrow.stack, strict=True)):
        if wanted.outputs > given.outputs:
            raise DataError(
                f"convolution {i} has {given.outputs} channels, which cannot be pruned to {wanted.outputs}: "
                "choose an architecture that is nowhere wider"
            )


def _observe(backbone: BackboneNetwork, samples: Tensor) -> tuple[list[Tensor], Tensor]:
    """Covariances of each convolution's activations over samples and positions, float64; features (n, dim), clipped."""
    layers = _layers(backbone)
    counts = [0] * len(layers)
    sums = [samples.new_zeros(conv.out_channels, dtype=torch.float64) for conv, _ in layers]
    products = [torch.outer(total, total) for total in sums]

    def watch(i: int, norm: nn.BatchNorm2d) -> torch.utils.hooks.RemovableHandle:
        def add(module: nn.Module, inputs: object, output: Tensor) -> None:
            activations = torch.relu(output).movedim(1, -1).flatten(0, -2).double()
            counts[i] += len(activations)
            sums[i] += activations.sum(0)
            products[i] += activations.T @ activations

        return norm.register_forward_hook(add)

    handles = [watch(i, norm) for i, (_, norm) in enumerate(layers)]
    try:
        features = torch.cat([backbone(batch) for batch in torch.split(samples, BATCH)])
    finally:
        for handle in handles:
            handle.remove()
    covariances = [
        product / count - torch.outer(total / count, total / count)
        for count, total, product in zip(counts, sums, products, strict=True)
    ]
    return covariances, features.clamp(-FEATURE_LIMIT, FEATURE_LIMIT).double()


def _importance(wide: MultiTaskNetwork, covariances: Sequence[Tensor]) -> list[Tensor]:
    """Per convolution what it matters that each channel is explained, (channels,) >= 0; sums to 1 per kind of reader.

    The next convolution reads a channel by its weights' squares times the variance; the heads read features, which are
    of unit variance, by theirs.
    """
    layers, architecture = _layers(wide.backbone), wide.backbone.architecture
    read_by_heads = wide.heads.first.weight.double().square().sum(0).view(2, architecture.channels).sum(0)
    found, start = [], 0
    for i, conv in enumerate(architecture.stack):
        variance = covariances[i].diagonal()
        importance = torch.zeros_like(variance)
        if i + 1 < len(layers):
            following, norm = layers[i + 1]
            gain = (norm.weight / (norm.get_buffer("running_var") + norm.eps).sqrt())[:, None, None, None]
            importance += _shares((following.weight * gain).double().square().sum((0, 2, 3)) * variance)
        if conv.level:
            importance += _shares(read_by_heads[start : start + conv.outputs])
            start += conv.outputs
        dead = variance <= DEAD * variance.mean() + TINY
        found.append(importance.masked_fill(dead, 0))
    return found


def _shares(values: Tensor) -> Tensor:
    return values / values.sum().clamp_min(TINY)


def _feature_columns(wide: Architecture, kept: Sequence[list[int]]) -> list[int]:
    """Which features of `wide` the narrow network has: means and deviations of the kept channels and of all banks."""
    columns, start = [], 0
    for conv, channels in zip(wide.stack, kept, strict=True):
        if conv.level:
            columns += [start + channel for channel in channels]
            start += conv.outputs
    columns += range(start, wide.channels)
    return [*columns, *(wide.channels + column for column in columns)]


def _fill_convolutions(
    narrow: BackboneNetwork, wide: BackboneNetwork, kept: Sequence[list[int]], covariances: Sequence[Tensor]
) -> None:
    """Weights, and scale and bias of the normalisation. Constant parts are left to the means that are measured then."""
    substitutes: Tensor | None = None
    for i, ((to, to_norm), (conv, norm)) in enumerate(zip(_layers(narrow), _layers(wide), strict=True)):
        weight = conv.weight[kept[i]].double()
        if substitutes is not None:
            weight = torch.einsum("oihw,ik->okhw", weight, substitutes)
        to.weight.copy_(weight)
        to_norm.weight.copy_(norm.weight[kept[i]])
        to_norm.bias.copy_(norm.bias[kept[i]])
        variance = covariances[i].diagonal()
        ridge = RIDGE * variance[kept[i]] + MEAN_RIDGE * variance.mean() + TINY
        substitutes = _substitutes(covariances[i], kept[i], ridge)
    for i in range(len(wide.architecture.analysis)):
        narrow.get_buffer(f"bank{i}").copy_(wide.get_buffer(f"bank{i}"))


def _fill_heads(narrow: MultiTaskNetwork, wide: MultiTaskNetwork, columns: list[int], features: Tensor) -> None:
    """The heads, and the mean and variance of each feature."""
    for name in ("running_mean", "running_var"):
        statistic = wide.backbone.standardise.get_buffer(name)[columns]
        narrow.backbone.standardise.get_buffer(name).copy_(statistic)
    ridge = features.new_full((len(columns),), FEATURE_RIDGE)
    substitutes = _substitutes(features.T @ features, columns, ridge)
    heads = {name: tensor.clone() for name, tensor in wide.heads.state_dict().items()}
    heads["first.weight"] = (heads["first.weight"].double() @ substitutes).float()
    narrow.heads.load_state_dict(heads)


def _substitutes(products: Tensor, kept: list[int], ridge: Tensor) -> Tensor:
    """(all, kept): with which weights the kept stand in for each, by ridge regression; the kept are themselves.

    `products` are the inner products of all with all, `ridge` is added to those of the kept with themselves.
    """
    removed = sorted(set(range(len(products))) - set(kept))
    result = torch.eye(len(products)).to(products)[:, kept]
    if removed:
        inner = products[kept][:, kept] + ridge.diag()
        result[removed] = torch.linalg.solve(inner, products[kept][:, removed]).T
    return result


def _renew_statistics(backbone: BackboneNetwork, samples: Tensor) -> None:
    """Set mean and variance of each batch normalisation to those over all samples, layer after layer, in one pass."""
    norms = [norm for _, norm in _layers(backbone)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    backbone(samples)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def _layers(backbone: BackboneNetwork) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    pairs = zip(backbone.convs, backbone.norms, strict=True)
    return [(cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, norm)) for conv, norm in pairs]


def _convolutions(state: object) -> list[Tensor]:
    """The weights of the stack in a state dict, as far as there are any."""
    weights: list[Tensor] = []
    if isinstance(state, Mapping):
        while isinstance(weight := state.get(f"backbone.convs.{len(weights)}.weight"), Tensor) and weight.ndim == 4:
            weights.append(weight)
    return weights
