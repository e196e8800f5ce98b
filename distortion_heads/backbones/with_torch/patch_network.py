"""A patch backbone's file to the torch network that it describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import torch
from torch import nn

from distortion_heads.backbones.files import (
    PatchFile,
)
from distortion_heads.backbones.with_torch import iqa_cnn, meon
from distortion_heads.backbones.with_torch.networks import PatchNetwork, Tail
from distortion_heads.backbones.with_torch.torchvision_models import Torso, torchvision_torso, torso_tensors
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec, PatchInput

OWN = "own"
OWN_TORSOS: Mapping[str, tuple[Callable[[], nn.Module], PatchInput]] = {
    iqa_cnn.NAME: (iqa_cnn.iqa_cnn, iqa_cnn.PATCHES)
}
"""Networks of papers that are built here, and have no weights but what they are trained to."""

RANDOM_SEED = 0
"""Seed of random weights, the same for every run, so that features of a frozen random network are computed once."""


def patch_network(spec: BackboneSpec, file: PatchFile) -> PatchNetwork:
    """The network that a file describes, with its weights; a plugin's is built by `spec`, see `with_network`.

    Raises `BackboneError` if nothing can build it.
    """
    name, source = file.network.get("name", ""), file.network.get("source")
    if source in ("torchvision", OWN):
        module = torso_seeded(name, imagenet=False).module
    elif source == meon.SOURCE:
        module = _meon_torso(name, file)
    else:
        if spec.network is None:
            raise BackboneError(f"no plugin in use brings the network {name!r}: install it, or use --device cpu")
        module, _ = _plugin_torso(spec)
    mean, std = (tuple(map(float, file.tensors[key])) for key in ("input_mean", "input_std"))
    grid = file.grid
    patches = PatchInput(mean=mean, std=std, side=grid.side, stride=grid.stride, width=grid.width)  # type: ignore[arg-type]
    tail: Any = file.network.get("tail")
    network = PatchNetwork(name, module, patches, tail if tail in get_args(Tail) else "moments", str(source))
    state = {key: torch.from_numpy(value) for key, value in file.tensors.items()}
    network.torso.load_state_dict(torso_tensors(state, network.torso, file.ref.name), strict=False)
    return network


def new_meon(name: str, types: int) -> PatchNetwork:
    """Return the network `name` of `meon.VARIANTS` for so many types, with random weights (torch's global seed)."""
    patches = PatchInput(mean=(0.5,) * 3, std=(0.5,) * 3, side=meon.SIDE, stride=meon.STRIDE)
    return PatchNetwork(name, meon.Meon(types, meon.VARIANTS[name]), patches, "mean", meon.SOURCE)


def _meon_torso(name: str, file: PatchFile) -> nn.Module:
    last = file.tensors.get("torso.of_types.2.weight")
    if name not in meon.VARIANTS or last is None:
        raise BackboneError(f"backbone {file.ref.name!r} is no network of MEON that is known here")
    return meon.Meon(len(last), meon.VARIANTS[name])


def torso_seeded(name: str, *, imagenet: bool) -> Torso:
    """Return one of `OWN_TORSOS`, or `torchvision_torso`; random weights are always the same.

    torch's global seed is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        if name in OWN_TORSOS:
            build, patches = OWN_TORSOS[name]
            return Torso(module=build(), patches=patches)
        return torchvision_torso(name, imagenet=imagenet)


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
