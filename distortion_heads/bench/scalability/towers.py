"""The network of Ameur et al. 2022 with N towers, random weights: for the cost of their design, not its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

CHANNELS, PATCH, PATCHES = 1664, 224, 6
"""Channels of DenseNet169's last block; side in pixels and number of patches of one picture (KADID-10k)."""

FEATURES = CHANNELS * 3 * 3
"""After 2x2 max-pooling of the 7x7 map."""


def tower() -> nn.Sequential:
    """Return FC 512, dropout, FC 512, dropout, FC 1, sigmoid: 7.9 M parameters."""
    return nn.Sequential(
        nn.Linear(FEATURES, 512), nn.ReLU(), nn.Dropout(0.25),
        nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.25),
        nn.Linear(512, 1), nn.Sigmoid(),
    )  # fmt: skip


def write_tower(file: Path) -> int:
    """Write a tower with random weights and return the size of its file in bytes."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(tower().state_dict(), file)
    return file.stat().st_size


class TowerNetwork:
    """DenseNet169 on six patches of a picture, and towers on its features."""

    def __init__(self, towers: list[nn.Sequential]) -> None:
        from torchvision.models import densenet169

        torch.manual_seed(0)
        self._backbone = densenet169(weights=None).features.eval()
        self._towers = towers

    @classmethod
    def load(cls, file: Path, count: int, threads: int = 1) -> TowerNetwork:
        """Read `file` once per tower: each has weights of its own. `threads`: of torch, from then on."""
        from safetensors.torch import load_file

        torch.set_num_threads(threads)
        towers = []
        for _ in range(count):
            with torch.device("meta"):
                empty = tower()
            empty.load_state_dict(load_file(file), assign=True)
            towers.append(empty.eval())
        return cls(towers)

    @torch.inference_mode()
    def predict(self, pixels: NDArray[np.uint8], count: int) -> list[float]:
        """Return the probabilities of the first `count` towers, each the mean over the patches of uint8 (H, W, 3)."""
        batch = torch.from_numpy(patches(pixels)).permute(0, 3, 1, 2).float() / 255
        maps = torch.relu(self._backbone(batch))
        features = nn.functional.max_pool2d(maps, 2).flatten(1)
        return [float(head(features).mean()) for head in self._towers[:count]]


def patches(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return six native patches (6, 224, 224, 3), two rows of three, evenly spread; small pictures are padded."""
    short = [max(0, PATCH - side) for side in pixels.shape[:2]]
    pixels = np.pad(pixels, ((0, short[0]), (0, short[1]), (0, 0)), mode="symmetric")
    tops = np.linspace(0, pixels.shape[0] - PATCH, 2).astype(int)
    lefts = np.linspace(0, pixels.shape[1] - PATCH, PATCHES // 2).astype(int)
    return np.stack([pixels[top : top + PATCH, left : left + PATCH] for top in tops for left in lefts])
