"""IQA-CNN++, a small network for quality and kind of distortion at once (Kang, Ye, Li, Doermann 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from distortion_heads.backbones.with_torch.networks import luma
from distortion_heads.spec import PatchInput
from distortion_heads.views.units import LUMA_PARTS

NAME = "iqa_cnn"
PATCHES = PatchInput(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255), side=32, stride=32)
"""Grey levels as they are, in squares of 32 that do not overlap."""

FIRST, SECOND, NARROW, WIDE = 8, 32, 128, 512
"""Filters of 3 x 3 of the two convolutions, and units of the two layers on what is pooled from them."""

REACH = 3
"""Pixels on each side over which contrast is normalised."""


class LocalContrast(nn.Module):
    """Luma less its local mean, over its local deviation plus one grey level: (B, 3, h, w) -> (B, 1, h, w)."""

    def forward(self, pixels: Tensor) -> Tensor:
        grey = luma(pixels) / sum(LUMA_PARTS)
        mean = _blurred(grey)
        variance = (_blurred(grey * grey) - mean * mean).clamp_min(0)
        return (grey - mean) / (variance.sqrt() + 1)


class MostAndLeast(nn.Module):
    """The largest and the smallest value of every map: (B, C, h, w) -> (B, 2 C, 1, 1)."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([functional.adaptive_max_pool2d(maps, 1), -functional.adaptive_max_pool2d(-maps, 1)], 1)


def iqa_cnn() -> nn.Module:
    """Return the network up to its last shared layer, (B, 512, 1, 1), with random weights (torch's global seed).

    Their dropout between the last two layers is left out: what is drawn in training depends on the record alone here.
    """
    return nn.Sequential(
        LocalContrast(),
        nn.Conv2d(1, FIRST, 3),
        nn.MaxPool2d(2),
        nn.Conv2d(FIRST, SECOND, 3),
        MostAndLeast(),
        nn.Conv2d(2 * SECOND, NARROW, 1),
        nn.ReLU(),
        nn.Conv2d(NARROW, WIDE, 1),
        nn.ReLU(),
    )


def _blurred(grey: Tensor) -> Tensor:
    """Return means over squares; at the border, of the part that lies in the patch."""
    side = 2 * REACH + 1
    return functional.avg_pool2d(grey, side, stride=1, padding=REACH, count_include_pad=False)
