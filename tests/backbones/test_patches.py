"""A backbone that an installed package brings: listed, exported, trained on, predicted with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from distortion_heads.backbones.files import read_patch_backbone
from distortion_heads.backbones.open import open_backbone
from distortion_heads.errors import BackboneError, DataError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.backbones import backbone_in, find_backbone
from distortion_heads.registry.build import build_registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.recipes import DHEADS, recipe_for
from distortion_heads.training.runs.write_backbone import write_backbone
from helpers.installed_plugins import Site, first_on_path
from helpers.sample_heads import make_head, make_layers

PLUGIN = """
from pathlib import Path
from distortion_heads.spec import PatchInput

HERE = Path(__file__).parent

def network():
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, 2), nn.ReLU())

@hookimpl
def dheads_backbones():
    yield BackboneSpec(
        name="tiny_net",
        weights=HERE / "tiny_net.safetensors",
        graph=HERE / "tiny_net.onnx",
        network=network,
        patches=PatchInput(mean=(0.5, 0.25, 0.75), std=(0.5, 0.5, 0.5)),
    )
    yield BackboneSpec(name="no_patches", weights=HERE / "x", graph=HERE / "y", network=network)
    yield BackboneSpec(name="broken", weights=HERE / "x", graph=HERE / "y", network=lambda: 1 / 0,
                       patches=PatchInput(mean=(0, 0, 0), std=(1, 1, 1)))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with first_on_path(tmp_path / "site") as made:
        made.install("tiny-backbones", PLUGIN)
        yield made


@pytest.mark.usefixtures("site")
def test_its_preprocessing_and_its_network_are_used() -> None:
    network = open_trainable("tiny_net", "none", DHEADS, load_registry())
    assert network.tensors()["input_mean"].tolist() == [0.5, 0.25, 0.75]
    assert network.dim == 2 * 6


@pytest.mark.usefixtures("site")
def test_what_is_wrong_with_it_is_named() -> None:
    registry = load_registry()
    with pytest.raises(BackboneError, match="'no_patches' brings a network but does not say which patches"):
        open_trainable("no_patches", "none", DHEADS, registry)
    with pytest.raises(BackboneError, match=r"'broken' failed: .*tiny-backbones.*: ZeroDivisionError"):
        open_trainable("broken", "none", DHEADS, registry)
    with pytest.raises(DataError, match="comes from a plugin"):
        open_trainable("tiny_net", "imagenet", DHEADS, registry)
    with pytest.raises(BackboneError, match=r"no backbone 'tiny'.*tiny_net"):
        find_backbone("tiny", registry)


def test_it_is_listed_exported_and_predicts(
    site: Site, tmp_path: Path, examples_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from dheads_cli.main import run

    assert run(["plugins", "--json"]) == 0
    listed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert ["tiny_net", "no_patches", "broken"] in [item.get("backbones") for item in listed]
    assert run(["plugins"]) == 0
    assert "tiny_net" in capfd.readouterr().out
    arguments = ["--weights", "none", "--side", "64", "--stride", "64"]
    assert run(["export", "tiny_net", "--out", str(site.folder), *arguments]) == 0
    exported = read_patch_backbone(site.folder / "tiny_net.safetensors")
    assert (exported.grid.side, exported.network["source"]) == (64, "plugin")
    capfd.readouterr()
    assert run(["predict", "--backbone", "tiny_net", str(examples_folder / "kitten_noise.png")]) == 1
    error = capfd.readouterr().err
    assert "were made for another backbone" in error
    assert "no head can be used" in error


def test_a_folder_of_pictures_takes_the_same_way_as_one(site: Site, tmp_path: Path, photo: NDArray[np.uint8]) -> None:
    """A backbone of patches answers for many pictures as for each: no kind of backbone has a path of its own."""
    from dheads_cli.main import run

    arguments = ["--weights", "none", "--side", "64", "--stride", "64"]
    assert run(["export", "tiny_net", "--out", str(site.folder), *arguments]) == 0
    spec = BackboneSpec(
        name="tiny_net", weights=site.folder / "tiny_net.safetensors", graph=site.folder / "tiny_net.onnx"
    )
    ref = read_patch_backbone(site.folder / "tiny_net.safetensors").ref
    store = Store(tmp_path / "home")
    for view in ("native", "overview"):
        layers = make_layers((ref.dim, 4, 2))
        store.save(make_head(f"of_{view}", backbone=ref, view=view, layers=layers), overwrite=False)
    registry = build_registry(user_heads=store.user_plugin(), no_plugins=True)
    labels = ["of_native", "of_overview"]
    pictures = [photo, photo[:200, :180], photo[:, ::-1].copy(), photo]
    for threads in (1, 2):
        predictor = Predictor(labels, registry=registry, backbone=spec, threads=threads)
        assert list(predictor.predict_many(pictures)) == [predictor.predict(picture) for picture in pictures]
    source = predictor.backbone
    batch = source.batch_features([photo, photo], "native")
    np.testing.assert_array_equal(batch[1], source.features(photo, "native"))


def test_torch_builds_a_runs_network_with_the_plugins_in_use_only(site: Site, tmp_path: Path) -> None:
    registry = load_registry()
    network = open_trainable("tiny_net", "none", recipe_for("dheads", side=64, stride=64), registry)
    write_backbone(network, tmp_path / "backbone", {})
    patches = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = find_backbone(str(tmp_path), registry)
    features = [open_backbone(found, device=device).features(patches, "native") for device in ("cpu", "torch")]
    np.testing.assert_allclose(features[0], features[1], atol=1e-4)
    without = find_backbone(str(tmp_path), load_registry(no_plugins=True))
    with pytest.raises(BackboneError, match="no plugin in use brings the network 'tiny_net'"):
        open_backbone(without, device="torch")
    np.testing.assert_array_equal(open_backbone(without).features(patches, "native"), features[0])


@pytest.mark.usefixtures("site")
def test_a_folder_without_one_backbone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="holds 0"):
        backbone_in(tmp_path)
