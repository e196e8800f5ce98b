"""IQA-CNN++, and patch networks whose patches are whole frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn

from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.with_torch.iqa_cnn import PATCHES, LocalContrast, iqa_cnn
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.backbones.with_torch.patch_network import OWN, torso_seeded
from distortion_heads.spec import BackboneSpec, PatchInput


def written(network: PatchNetwork, folder: Path) -> BackboneSpec:
    spec = BackboneSpec(name=network.name, weights=folder / "n.safetensors", graph=folder / "n.onnx")
    weights, graph = network.files({})
    spec.weights.write_bytes(weights)  # type: ignore[union-attr]
    spec.graph.write_bytes(graph)  # type: ignore[union-attr]
    return spec


def test_it_has_the_papers_parameters() -> None:
    """About 90 % fewer than the 0.72 million of IQA-CNN+."""
    layers = [8 * 9 + 8, 32 * 8 * 9 + 32, 128 * 64 + 128, 512 * 128 + 512]
    assert sum(value.numel() for value in iqa_cnn().parameters()) == sum(layers) == 76_784


def test_contrast_is_local() -> None:
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 1, 32, 32, generator=rng).expand(1, 3, 32, 32) * 20
    contrast = LocalContrast()
    assert contrast(torch.full((1, 3, 32, 32), 90.0)).abs().max() < 0.01
    assert torch.allclose(contrast(noise + 100), contrast(noise + 150), atol=1e-2)
    assert 0.85 < contrast(noise + 100).std() < 1.05


@pytest.mark.parametrize("device", ["cpu", "torch"])
def test_engines_give_what_the_network_gives(tmp_path: Path, device: str) -> None:
    torso = torso_seeded("iqa_cnn", imagenet=False)
    network = PatchNetwork("iqa_cnn", torso.module, torso.patches, "flat", OWN).eval()
    source = open_backbone(written(network, tmp_path), device=device)
    pixels = np.random.default_rng(0).integers(0, 256, (70, 100, 3)).astype(np.uint8)
    found = source.features(pixels, "native")
    assert (source.ref, found.shape) == (network.ref, (6, 512))
    assert source.parameters == 76_784  # type: ignore[attr-defined]
    with torch.inference_mode():
        first = network(torch.from_numpy(pixels[:32, :32].transpose(2, 0, 1)[None].copy()))
    np.testing.assert_allclose(found[0], first[0].numpy(), atol=1e-4)


def test_whole_frames_are_one_patch_each(tmp_path: Path) -> None:
    torso = nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.ReLU())
    patches = PatchInput(mean=PATCHES.mean, std=PATCHES.std, side=36, stride=36, width=64)
    network = PatchNetwork("frames", torso, patches, "flat", "plugin").eval()
    assert network.dim == 4 * 9 * 16
    source = open_backbone(written(network, tmp_path))
    frame = np.random.default_rng(0).integers(0, 256, (36, 64, 3)).astype(np.uint8)
    found = source.features(frame, "native")
    assert (source.ref, found.shape, source.count(frame)) == (network.ref, (1, network.dim), 1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(frame.transpose(2, 0, 1)[None].copy()))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-2)
    assert source.features(frame[:20, :50], "native").shape == (1, network.dim)
    assert source.features(np.tile(frame, (4, 2, 1)), "overview").shape[0] >= 1
    inside = np.zeros((72, 64), bool)
    inside[:36] = True
    assert source.count(np.tile(frame, (2, 1, 1)), inside) == 1
