"""The network of MEON (Ma, Liu, Zhang, Duanmu, Wang, Zuo 2018): what is wrong with a patch, and how good it is.

Four convolutions are shared by two small networks, of which one tells the type, the other a score for each type. Their
nonlinearity divides each channel by what the channels do together (generalised divisive normalisation, Balle, Laparra,
Simoncelli 2016); ReLU takes its place where the paper compares it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SOURCE = "meon"
SIDE, STRIDE = 256, 128
"""Pixels of a patch, and from one to the next; the convolutions leave one position of a patch of this side."""

SHARED = 64
"""The features that both networks read, which come first among those of the backbone."""

BETA_FLOOR = 1e-6
"""Without it nothing divided by nothing is no number."""

_FAR = -1e9


class Gdn(nn.Module):
    """y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2) over the channels of each position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter(0.1 * torch.eye(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, S, h, w) -> the same, always in single precision, since squares overflow half precision."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            return x * functional.conv2d(x * x, self.gamma[:, :, None, None], self.beta).rsqrt()

    @torch.no_grad()
    def project(self) -> None:
        """Put beta and gamma back to where they may be, after a step: not negative, gamma symmetric."""
        self.beta.clamp_(min=BETA_FLOOR)
        self.gamma.clamp_(min=0)
        self.gamma.copy_((self.gamma + self.gamma.T) / 2)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A nonlinearity, and how many times as wide as the paper's network all layers are that it follows."""

    title: str
    nonlinearity: Callable[[int], nn.Module]
    wider: int = 1


def _relu(channels: int) -> nn.Module:
    return nn.ReLU()


def _normed_relu(channels: int) -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


VARIANTS: Mapping[str, Variant] = {
    "meon": Variant(title="GDN", nonlinearity=Gdn),
    "meon_relu": Variant(title="ReLU", nonlinearity=_relu),
    "meon_relu_wide": Variant(title="ReLU, doubled", nonlinearity=_relu, wider=2),
    "meon_relu_norm": Variant(title="ReLU, doubled, batch normalisation", nonlinearity=_normed_relu, wider=2),
}
"""By the name of the backbone: the paper's network, and those that its Table VIII compares."""


class Meon(nn.Module):
    """Pixels (B, 3, 256, 256) in [-1, 1] -> maps (B, channels, 1, 1) of C types, of which the last is "pristine".

    The channels: those that both networks read, C logits z of the types, C logits of their probabilities (of z against
    all others), and C scores s. The quality is sum softmax(z) s. Weights are drawn from torch's random numbers.
    """

    def __init__(self, types: int, variant: Variant) -> None:
        super().__init__()
        self.types = types
        wide = variant.wider
        c1, c2, c3, c4, first, second = (wide * width for width in (8, 16, 32, SHARED, 128, 256))
        act = variant.nonlinearity
        self.shared = nn.Sequential(
            *(nn.Conv2d(3, c1, 5, 2, 2), act(c1), nn.MaxPool2d(2)),
            *(nn.Conv2d(c1, c2, 5, 2, 2), act(c2), nn.MaxPool2d(2)),
            *(nn.Conv2d(c2, c3, 5, 2, 2), act(c3), nn.MaxPool2d(2)),
            *(nn.Conv2d(c3, c4, 3), act(c4), nn.MaxPool2d(2)),
        )
        # Layers without neighbours, as GDN sees them: a map of 1 x 1.
        self.of_types = nn.Sequential(nn.Conv2d(c4, first, 1), act(first), nn.Conv2d(first, types, 1))
        self.of_scores = nn.Sequential(nn.Conv2d(c4, second, 1), act(second), nn.Conv2d(second, types, 1))
        self.register_buffer("others", _FAR * torch.eye(types), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        shared = self.shared(pixels)
        logits, scores = self.of_types(shared), self.of_scores(shared)
        return torch.cat([shared, logits, self._against_others(logits), scores], 1)

    def _against_others(self, logits: Tensor) -> Tensor:
        """Log(p / (1 - p)) of each type: (B, C, h, w) -> the same."""
        others = logits[:, None] + self.get_buffer("others")[:, :, None, None]
        largest = others.amax(2, keepdim=True)
        return logits - (largest[:, :, 0] + (others - largest).exp().sum(2).log())

    def project(self) -> None:
        """Project every normalisation, see `Gdn.project`."""
        for module in self.modules():
            if isinstance(module, Gdn):
                module.project()


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where among `dim` features the parts of `Meon`'s answer are."""

    shared: int
    types: int

    @classmethod
    def of(cls, dim: int, types: int) -> Places:
        return cls(shared=dim - 3 * types, types=types)

    @property
    def logits(self) -> slice:
        return slice(self.shared, self.shared + self.types)

    @property
    def against_others(self) -> slice:
        return slice(self.shared + self.types, self.shared + 2 * self.types)

    @property
    def scores(self) -> slice:
        return slice(self.shared + 2 * self.types, self.shared + 3 * self.types)


def fused(logits: Tensor, scores: Tensor) -> Tensor:
    """Return the quality (B,), sum softmax(z) s, of logits and scores (B, C)."""
    return (logits.softmax(1) * scores).sum(1)
