"""A backbone's name and the choice of its weights -> a network that can be trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from distortion_heads.backbones.files import (
    is_patch_backbone,
    read_backbone,
    read_header,
    read_patch_backbone,
)
from distortion_heads.backbones.with_torch.networks import (
    CellNetwork,
    PatchNetwork,
    TrainableBackbone,
    draw_anew,
    settle_norms,
)
from distortion_heads.backbones.with_torch.patch_network import (
    OWN,
    OWN_TORSOS,
    RANDOM_SEED,
    _plugin_torso,
    torso_seeded,
)
from distortion_heads.backbones.with_torch.torchvision_models import torso_tensors
from distortion_heads.errors import DataError
from distortion_heads.registry.backbones import named_backbone
from distortion_heads.registry.build import Registry
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.networks.recipes import RecordRecipe


def open_trainable(name: str, weights: str | None, recipe: RecordRecipe, registry: Registry) -> TrainableBackbone:
    """The network `name`: the bundled one, a plugin's, one of `OWN_TORSOS`, or torchvision's.

    `weights`: None (its own, for torchvision's ImageNet's), "imagenet", "none" (random) or a file: `.safetensors`, or
    `.pth`, which is read without executing anything in it. Raises `DataError` or `BackboneError` if it cannot be.
    """
    spec = named_backbone(name, registry)
    if spec is not None and spec.network is None:
        return _own_architecture(spec, weights)
    if spec is None:
        torso = torso_seeded(name, imagenet=weights in (None, "imagenet"))
        module, patches, source = torso.module, torso.patches, OWN if name in OWN_TORSOS else "torchvision"
    else:
        if weights == "imagenet":
            raise DataError(f"backbone {name!r} comes from a plugin: give --weights FILE or none, or leave it out")
        module, patches = _plugin_torso(spec)
        source = "plugin"
        weights = str(spec.weights) if weights is None else weights
    patches = replace(patches, side=recipe.side, stride=recipe.stride, width=recipe.width)
    network = PatchNetwork(name, module, patches, recipe.tail, source)
    if weights == "none":
        settle_norms(network)
    elif weights not in (None, "imagenet"):
        _load_file(network, Path(weights))
    return network


def _own_architecture(spec: BackboneSpec, weights: str | None) -> TrainableBackbone:
    if weights == "imagenet":
        raise DataError(
            f"backbone {spec.name!r} has no ImageNet weights: leave --weights out, or give none or a .safetensors file"
        )
    file = spec.weights if weights in (None, "none") else Path(str(weights))
    if is_patch_backbone(file):
        raise DataError(f"the plugin of backbone {spec.name!r} brings no network to train: use --finetune frozen")
    network = CellNetwork(read_backbone(file))
    if weights == "none":
        draw_anew(network, RANDOM_SEED)
    return network


def _load_file(network: PatchNetwork, file: Path) -> None:
    state = _read_state(file)
    network.torso.load_state_dict(torso_tensors(state, network.torso, str(file)), strict=False)
    if read_header(file).get("schema"):  # a backbone file has its preprocessing too
        settings = read_patch_backbone(file).tensors
        for name in ("input_mean", "input_std"):
            network.get_buffer(name).copy_(torch.from_numpy(settings[name]))


def _read_state(file: Path) -> dict[str, Tensor]:
    """The state dictionary in a file. Raises `DataError`."""
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"--weights {file}: no such file (or give imagenet or none)") from None
    except Exception as error:  # whatever a torn file makes torch raise
        reason = "holds more than weights" if isinstance(error, UnpicklingError) else "cannot be read as weights"
        raise DataError(f"--weights {file} {reason}: give a state dictionary (.pth) or .safetensors") from None
    if not (isinstance(state, dict) and all(isinstance(value, Tensor) for value in state.values())):
        raise DataError(f"--weights {file} is no state dictionary: save `model.state_dict()`")
    return dict(state)
