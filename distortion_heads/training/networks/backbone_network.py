"""The trainable network: the backbone with batch normalisation, and one small head per distortion on its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distortion_heads.backbones.analysis_bank import analysis_banks
from distortion_heads.backbones.architecture import Architecture, Conv
from distortion_heads.backbones.with_torch.networks import Operation, levels, luma, pooled
from distortion_heads.heads.head import Layer
from distortion_heads.spec import View, is_coarse
from distortion_heads.views.units import LUMA_PARTS

MID_GREY, UNIT = 128.0, 64.0
"""Pixels are taken as (value - 128) / 64: exact in bfloat16, unlike the (value / 255 - 0.5) / 0.25 of the engines."""

ENGINE_GREY = 127.5
"""The value that engines pad the picture with."""

ENGINE_GAIN, ENGINE_SHIFT = 255 / (4 * UNIT), (ENGINE_GREY - MID_GREY) / UNIT
"""Pixels as the engines normalise them, y, are gain y + shift here."""

LEAST_SCALE = 0.05
"""No feature is enlarged more than twentyfold, however little it varies: its gradients would drown the others'."""

POSITIVE_WEIGHT = 3.0


class BackboneNetwork(nn.Module):
    """(B, 3, H, W) pixels in [0, 255] -> (B, dim) features, standardised over the training samples.

    Raises `ValueError` for an architecture with other analysis banks than those of `analysis_banks`.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.convs = nn.ModuleList(
            nn.Conv2d(c.inputs, c.outputs, c.kernel, c.stride, c.kernel // 2 if i else 0, bias=False)
            for i, c in enumerate(architecture.stack)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c.outputs) for c in architecture.stack)
        self.standardise = nn.BatchNorm1d(architecture.dim, eps=LEAST_SCALE**2, affine=False, momentum=0.02)
        for i, (conv, bank) in enumerate(_banks(architecture)):
            if bank.shape != (conv.outputs, conv.inputs, conv.kernel, conv.kernel):
                raise ValueError(f"the analysis bank {i} is {bank.shape}, which is not what the architecture says")
            self.register_buffer(f"bank{i}", torch.from_numpy(bank.copy()))
        self._start_without_the_mean()

    def forward(self, pixels: Tensor) -> Tensor:
        picture = (pixels - MID_GREY) / UNIT
        border = self.architecture.stack[0].kernel // 2
        x = nn.functional.pad(picture, (border,) * 4, value=ENGINE_SHIFT)
        read = {3: picture.float(), 1: luma(picture.float()) / sum(LUMA_PARTS)}
        features = pooled(levels(self.architecture, [*self._stack(), *self._filters()], x, read))
        with torch.autocast(x.device.type, enabled=False):
            standard: Tensor = self.standardise(features)
        return standard

    def _stack(self) -> list[Operation]:
        return [nn.Sequential(*pair) for pair in zip(self.convs, self.norms, strict=True)]

    def _filters(self) -> list[Operation]:
        return [
            partial(nn.functional.conv2d, weight=self.get_buffer(f"bank{i}"), stride=conv.stride)
            for i, conv in enumerate(self.architecture.analysis)
        ]

    @torch.no_grad()
    def _start_without_the_mean(self) -> None:
        """Take the mean of three in four random first filters away.

        The evidence is in the small differences between neighbours, which the brightness of a scene would drown.
        """
        weight = self.convs[0].weight
        assert isinstance(weight, Tensor)
        blind = 3 * len(weight) // 4
        weight[:blind] -= weight[:blind].mean((2, 3), keepdim=True)

    def folded(self) -> dict[str, NDArray[np.float32]]:
        """The weights of the backbone file: batch normalisation folded into the convolutions (exact at inference).

        Also the features' mean and scale.
        """
        tensors: dict[str, Tensor] = {}
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            tensors[f"conv{i}.weight"] = conv.weight * gain[:, None, None, None]
            tensors[f"conv{i}.bias"] = norm.bias - norm.running_mean * gain
        _to_engine_pixels(tensors, "conv0")
        for i, spec in enumerate(self.architecture.analysis):
            name = f"conv{len(self.convs) + i}"
            tensors[f"{name}.weight"] = self.get_buffer(f"bank{i}")
            tensors[f"{name}.bias"] = torch.zeros(spec.outputs)
            _to_engine_pixels(tensors, name)
        mean, var = self.standardise.running_mean, self.standardise.running_var
        assert mean is not None
        assert var is not None
        tensors["feature_mean"] = mean
        tensors["feature_scale"] = torch.sqrt(var + self.standardise.eps)
        return {name: _array(tensor) for name, tensor in tensors.items()}

    @torch.no_grad()
    def unfold(self, tensors: Mapping[str, NDArray[np.float32]], samples: Tensor) -> None:
        """Take the weights of a backbone file: the same features, and on `samples` (B, 3, H, W) the same in training.

        Batch normalisation gets the statistics of the samples, and undoes what it does to them.
        """
        border = self.architecture.stack[0].kernel // 2
        x = nn.functional.pad((samples - MID_GREY) / UNIT, (border,) * 4, value=ENGINE_SHIFT)
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            weight, bias = (torch.from_numpy(tensors[f"conv{i}.{part}"]).to(x) for part in ("weight", "bias"))
            if i == 0:  # the other way round than in `_to_engine_pixels`
                bias, weight = bias - ENGINE_SHIFT / ENGINE_GAIN * weight.sum((1, 2, 3)), weight / ENGINE_GAIN
            conv.weight.copy_(weight)
            x = conv(x)
            variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
            norm.running_mean, norm.running_var = mean, variance
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.copy_(mean + bias)
            x = torch.relu(x + bias[:, None, None])
        self.standardise.running_mean = torch.from_numpy(tensors["feature_mean"]).to(x)
        self.standardise.running_var = torch.from_numpy(tensors["feature_scale"]).to(x) ** 2 - self.standardise.eps


def _banks(architecture: Architecture) -> list[tuple[Conv, NDArray[np.float32]]]:
    """Each analysis convolution and its filters; none, or all banks that there are."""
    return list(zip(architecture.analysis, analysis_banks(), strict=True)) if architecture.analysis else []


def _to_engine_pixels(tensors: dict[str, Tensor], name: str) -> None:
    """Rewrite a convolution for pixels as the engines normalise them, which are y there and gain y + shift here."""
    weight = tensors[f"{name}.weight"]
    tensors[f"{name}.bias"] = tensors[f"{name}.bias"] + ENGINE_SHIFT * weight.sum((1, 2, 3))
    tensors[f"{name}.weight"] = ENGINE_GAIN * weight


class Heads(nn.Module):
    """N independent perceptrons dim -> hidden -> (presence, severity), evaluated as one product."""

    def __init__(self, dim: int, count: int, hidden: int) -> None:
        super().__init__()
        self.count, self.hidden = count, hidden
        self.first = nn.Linear(dim, count * hidden)
        self.second = nn.Parameter(torch.randn(count, hidden, 2) / hidden**0.5)
        self.bias = nn.Parameter(torch.tensor([-2.0, 0.0]).repeat(count, 1))
        self.dropout = nn.Dropout(0.1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, dim) -> (B, N, 2): presence logit, and severity as (severity - 3) / 2."""
        x = self.dropout(torch.relu(self.first(features))).unflatten(1, (self.count, self.hidden))
        return torch.einsum("bnh,nho->bno", x, self.second) + self.bias

    def layers(self, head: int) -> tuple[Layer, Layer]:
        """One head as the layers of a head file, with the severity in [1, 5]."""
        rows = slice(head * self.hidden, (head + 1) * self.hidden)
        weight, bias = self.second[head].T.detach().clone(), self.bias[head].detach().clone()
        weight[1] *= 2
        bias[1] = 2 * bias[1] + 3
        return (
            Layer(weight=_array(self.first.weight[rows]), bias=_array(self.first.bias[rows]), activation="relu"),
            Layer(weight=_array(weight), bias=_array(bias), activation="identity"),
        )


class MultiTaskNetwork(nn.Module):
    """One backbone, N heads; each head reads the samples of its own view."""

    def __init__(self, architecture: Architecture, views: Sequence[View], hidden: int = 32) -> None:
        super().__init__()
        self.backbone = BackboneNetwork(architecture)
        self.heads = Heads(architecture.dim, len(views), hidden)
        self.register_buffer("reads_overview", torch.tensor([is_coarse(view) for view in views]))

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.heads(self.backbone(pixels))
        return out


def multitask_loss(out: Tensor, severity: Tensor, applies: Tensor, kinds: Tensor | None = None) -> Tensor:
    """Return the loss of joint training; `out` (B, N, 2), `severity` (B, N), `applies` (B, N) bool.

    The severity is 0 where absent, NaN where not known. The sum over heads of the binary cross-entropies (Ameur et al.
    2022, uniform over heads; presence counts `POSITIVE_WEIGHT` times, being rare), the cross-entropy of "which one, or
    none" on samples with at most one distortion (MEON's identification task, on the same logits, of the heads `kinds`,
    bool (N,), or all), and smooth L1 on the severity where present.
    """
    known = ~severity.isnan()
    logits, present, applies = out[..., 0], severity > 0, applies & known
    weight = applies.float() * torch.where(present, POSITIVE_WEIGHT, 1.0)
    bce = nn.functional.binary_cross_entropy_with_logits(logits, present.float(), weight, reduction="sum") / len(out)
    size = nn.functional.smooth_l1_loss(out[..., 1], (severity.nan_to_num() - 3) / 2, beta=0.25, reduction="none")
    seen = (present & applies).float()
    chosen = slice(None) if kinds is None else kinds
    told = known[:, chosen].all(1)
    one = _which_one(logits[:, chosen], present[:, chosen], applies[:, chosen], told)
    return bce + one + (size * seen).sum() / seen.sum().clamp_min(1)


def _which_one(logits: Tensor, present: Tensor, applies: Tensor, told: Tensor) -> Tensor:
    """Cross-entropy over (none, head 1, ..., head N) of the samples that are `told`; "none" has the logit 0."""
    count = present.sum(1)
    single = told & ((count == 0) | ((count == 1) & (present & applies).any(1)))
    choices = torch.cat([logits.new_zeros(len(logits), 1), logits.masked_fill(~applies, -1e4)], 1)
    target = torch.where(count == 0, 0, present.float().argmax(1) + 1)
    losses = nn.functional.cross_entropy(choices, target, reduction="none")
    return (losses * single).sum() / len(logits)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().float().contiguous().numpy().copy()
    return array
