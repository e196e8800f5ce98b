"""Features of every block of a network (MLSP)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.with_torch.block_maps import block_maps
from distortion_heads.backbones.with_torch.torchvision_models import torchvision_torso
from distortion_heads.registry.attached import load_registry
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.recipes import DEEPFL, recipe_for, shallow
from distortion_heads.training.runs.write_backbone import write_backbone

WIDTHS = {
    "resnet50": [64] + 3 * [256] + 4 * [512] + 6 * [1024] + 3 * [2048],
    "vgg16": 2 * [64] + 2 * [128] + 3 * [256] + 6 * [512],
    "densenet169": [64] + (6 + 12 + 32 + 32) * [32],
}
"""Channels of the stem and of each block (of each layer of a dense block), from the architectures' papers."""


@pytest.mark.parametrize("name", WIDTHS)
def test_every_block_is_there(name: str) -> None:
    with torch.device("meta"):
        maps = block_maps(torchvision_torso(name, imagenet=False).module.eval(), torch.zeros(2, 3, 64, 64))
    found = [one.shape[1] for one in maps]
    if name == "densenet169":  # between dense blocks and after the last one there are activations of all channels
        found = [width for width in found if width in (64, 32)]
    assert found == WIDTHS[name]


def test_the_last_maps_are_those_of_the_network() -> None:
    torso = torchvision_torso("mobilenet_v3_small", imagenet=False).module.eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(block_maps(torso, pixels)[-1], torso(pixels))


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "densenet121"])
def test_the_written_graph_is_the_network(name: str, tmp_path: Path) -> None:
    recipe = shallow(recipe_for("deepfl", side=64, stride=64))
    network = open_trainable(name, "none", recipe, load_registry(no_plugins=True))
    spec = write_backbone(network, tmp_path, {})
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    in_onnx, in_torch = (open_backbone(spec, device=device).features(pixels, "native") for device in ("cpu", "torch"))
    assert in_onnx.shape == (1, network.dim)
    assert np.abs(in_onnx - in_torch).max() < 1e-4 * np.abs(in_torch).max()


def test_the_mean_is_the_first_half_of_mean_and_deviation() -> None:
    registry, pixels = load_registry(no_plugins=True), torch.rand(1, 3, 64, 64) * 255
    mean, both = (
        open_trainable("mobilenet_v3_small", "none", recipe_for("deepfl", side=64, tail=tail), registry).eval()
        for tail in ("mean", "moments")
    )
    with torch.inference_mode():
        assert torch.equal(mean(pixels), both(pixels)[:, : mean.dim])
    assert (DEEPFL.tail, both.dim) == ("mean", 2 * mean.dim)
