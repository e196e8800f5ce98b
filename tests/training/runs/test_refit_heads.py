"""Attached heads, fitted again on another backbone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

pytest.importorskip("torch")

from distortion_heads.backbones.with_torch.networks import PatchNetwork, settle_norms
from distortion_heads.errors import BackboneError, DataError
from distortion_heads.heads.file import read_head
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.backbones import read_ref
from distortion_heads.registry.build import Registry
from distortion_heads.spec import PatchInput
from distortion_heads.training.runs.refit_heads import RefitOptions, refit_heads
from distortion_heads.training.runs.write_backbone import write_backbone
from helpers.little_pictures import save, scene


def attached(*labels: str, without_synthesizer: str = "") -> Registry:
    """Some of the built-in heads."""
    full = load_registry(no_plugins=True)
    heads = {label: full.heads[label] for label in labels}
    if without_synthesizer:
        head = heads[without_synthesizer]
        heads[without_synthesizer] = replace(head, spec=replace(head.spec, synthesize=None))
    return Registry(MappingProxyType(heads), full.backbones, (), ())


def backbone_of_a_run(out: Path) -> str:
    from torch import manual_seed, nn

    manual_seed(0)
    torso = nn.Sequential(nn.Conv2d(3, 16, 5, 4), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 4), nn.ReLU())
    patches = PatchInput(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), side=128, stride=128)
    network = PatchNetwork("strided", torso, patches, "moments", "plugin")
    settle_norms(network)
    return read_ref(write_backbone(network, out / "backbone", {})).fingerprint


def test_attached_heads_are_fitted_on_the_backbone_of_the_run(tmp_path: Path) -> None:
    out, clean = tmp_path / "run", tmp_path / "clean"
    fingerprint = backbone_of_a_run(out)
    for seed in range(10):
        save(clean / f"{seed}.png", scene(seed, 360))
    (out / "heads").mkdir()
    (out / "heads" / "jpeg.safetensors").write_bytes(b"the run's own")
    (out / "labels.txt").write_text("jpeg\n")
    registry = attached("jpeg", "white_noise", "impulse_noise", without_synthesizer="impulse_noise")
    options = RefitOptions(out=out, images=clean, fit_pictures=100, hold_pictures=100)
    done = refit_heads(options, registry)
    assert (done.written, done.left_out) == (("white_noise",), ("impulse_noise",))
    head = read_head(out / "heads" / "white_noise.safetensors")
    assert (head.backbone.fingerprint, head.license) == (fingerprint, "unspecified")
    assert head.metrics.auroc is not None
    assert head.metrics.auroc > 0.6
    assert (out / "heads" / "jpeg.safetensors").read_bytes() == b"the run's own"
    assert not (out / "heads" / "impulse_noise.safetensors").exists()


def test_a_run_without_a_backbone_or_heads_to_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="holds 0"):
        refit_heads(RefitOptions(out=tmp_path, images=tmp_path), attached("jpeg"))
    backbone_of_a_run(tmp_path)
    with pytest.raises(DataError, match="no attached head can make its distortion"):
        refit_heads(RefitOptions(out=tmp_path, images=tmp_path), attached("jpeg", without_synthesizer="jpeg"))
