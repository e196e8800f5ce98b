"""A backbone's name and the choice of its weights -> a network that can be trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from distortion_heads.backbones.cells import bundled_backbone, read_backbone
from distortion_heads.backbones.patches import PatchFile, is_patch_backbone, read_header, read_patch_backbone
from distortion_heads.backbones.with_torch.networks import CellNetwork, PatchNetwork, TrainableBackbone, settle_norms
from distortion_heads.backbones.with_torch.torchvision_models import torchvision_torso, torso_tensors
from distortion_heads.errors import BackboneError, DataError
from distortion_heads.registry.backbones import named_backbone
from distortion_heads.registry.build import Registry
from distortion_heads.spec import BackboneSpec, PatchInput
from distortion_heads.training.networks.recipes import Recipe

RANDOM_SEED = 0
"""Of random weights: the same for every run, so that features of a frozen random network are computed once."""


def open_trainable(name: str, weights: str | None, recipe: Recipe, registry: Registry) -> TrainableBackbone:
    """The network `name`: the bundled one, a plugin's, or torchvision's.

    `weights`: None (its own, for torchvision's ImageNet's), "imagenet", "none" (random) or a file: `.safetensors`, or
    `.pth`, which is read without executing anything in it. Raises `DataError` or `BackboneError` if it cannot be.
    """
    spec = named_backbone(name, registry)
    if spec is not None and spec.network is None:
        return _own_architecture(spec, weights)
    if spec is None:
        torso = torchvision_torso_seeded(name, imagenet=weights in (None, "imagenet"))
        module, patches, source = torso.module, torso.patches, "torchvision"
    else:
        if weights == "imagenet":
            raise DataError(f"backbone {name!r} comes from a plugin: give --weights FILE or none, or leave it out")
        module, patches = _plugin_torso(spec)
        source = "plugin"
        weights = str(spec.weights) if weights is None else weights
    patches = replace(patches, side=recipe.side, stride=recipe.stride)
    network = PatchNetwork(name, module, patches, recipe.tail, source)
    if weights == "none":
        settle_norms(network)
    elif weights not in (None, "imagenet"):
        _load_file(network, Path(weights))
    return network


def patch_network(spec: BackboneSpec, file: PatchFile) -> PatchNetwork:
    """The network that a file describes, with its weights; a plugin's is built by `spec`, see `with_network`.

    Raises `BackboneError` if nothing can build it.
    """
    name, source = file.network.get("name", ""), file.network.get("source")
    if source == "torchvision":
        module = torchvision_torso_seeded(name, imagenet=False).module
    else:
        if spec.network is None:
            raise BackboneError(f"no plugin in use brings the network {name!r}: install it, or use --device cpu")
        module, _ = _plugin_torso(spec)
    mean, std = (tuple(map(float, file.tensors[key])) for key in ("input_mean", "input_std"))
    patches = PatchInput(mean=mean, std=std, side=file.grid.side, stride=file.grid.stride)  # type: ignore[arg-type]
    tail: Any = file.network.get("tail")
    network = PatchNetwork(name, module, patches, "maxpool" if tail == "maxpool" else "moments", str(source))
    state = {key: torch.from_numpy(value) for key, value in file.tensors.items()}
    network.torso.load_state_dict(torso_tensors(state, network.torso, file.ref.name), strict=False)
    return network


def torchvision_torso_seeded(name: str, *, imagenet: bool) -> Any:
    """Like `torchvision_torso`; random weights are always the same, and torch's global seed is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        return torchvision_torso(name, imagenet=imagenet)


def _own_architecture(spec: BackboneSpec, weights: str | None) -> TrainableBackbone:
    if weights in ("imagenet", "none"):
        raise DataError(
            f"backbone {spec.name!r} has weights of its own: leave --weights out or give a .safetensors file"
            + (" (`dheads train --images DIR` trains it from none)" if spec.name == bundled_backbone().name else "")
        )
    file = spec.weights if weights is None else Path(weights)
    if is_patch_backbone(file):
        raise DataError(f"the plugin of backbone {spec.name!r} brings no network to train: use --finetune frozen")
    return CellNetwork(read_backbone(file))


def _plugin_torso(spec: BackboneSpec) -> tuple[nn.Module, PatchInput]:
    assert spec.network is not None
    if spec.patches is None:
        raise BackboneError(f"backbone {spec.name!r} brings a network but does not say which patches it wants")
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_SEED)
            module = spec.network()
    except (Exception, SystemExit) as error:  # a plugin's function raises anything
        raise BackboneError(f"the network of backbone {spec.name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise BackboneError(f"the network of backbone {spec.name!r} is a {type(module).__name__}, not a torch module")
    return module, spec.patches


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
