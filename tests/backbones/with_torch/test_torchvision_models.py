"""torchvision's classifiers as backbones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.with_torch.torchvision_models import PAPER, torchvision_torso
from distortion_heads.errors import DataError
from distortion_heads.registry.attached import load_registry
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.recipes import recipe_for
from distortion_heads.training.runs.write_backbone import write_backbone

MAPS = {
    "densenet169": (1664, 7),
    "densenet121": (1024, 7),
    "vgg16": (512, 7),
    "vgg19": (512, 7),
    "resnet50": (2048, 7),
    "mobilenet_v3_large": (960, 7),
    "efficientnet_b0": (1280, 7),
}
"""Channels and side of the last feature maps of 224 pixels, from the architectures' papers."""


@pytest.mark.parametrize("name", PAPER)
def test_the_last_feature_maps_are_the_features(name: str) -> None:
    channels, side = MAPS[name]
    with torch.device("meta"):  # shapes alone
        maps = torchvision_torso(name, imagenet=False).module.eval()(torch.zeros(2, 3, 224, 224))
    assert tuple(maps.shape) == (2, channels, side, side)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v3_large"])
def test_the_written_graph_is_the_network(name: str, tmp_path: Path) -> None:
    recipe = recipe_for("ameur", side=64, stride=64)
    spec = write_backbone(open_trainable(name, "none", recipe, load_registry(no_plugins=True)), tmp_path, {})
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    in_onnx, in_torch = (open_backbone(spec, device=device).features(pixels, "native") for device in ("cpu", "torch"))
    assert np.abs(in_onnx - in_torch).max() < 1e-4 * np.abs(in_torch).max()


def test_a_network_that_is_no_stack_is_refused() -> None:
    with torch.device("meta"), pytest.raises(DataError, match="vit_b_16' is no plain stack of convolutions"):
        torchvision_torso("vit_b_16", imagenet=False)
