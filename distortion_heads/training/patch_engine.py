"""Patch backbones in torch, for GPUs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from distortion_heads.backbones.patches import PatchFile
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.networks.open_trainable import patch_network


def open_patch_engine(spec: BackboneSpec, file: PatchFile, device: str) -> TorchPatchEngine:
    """Raises `BackboneError` if torch cannot use the device or the network cannot be built."""
    try:
        target = torch.device("cpu" if device == "torch" else device)
        torch.ones(1, device=target).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise BackboneError(f"device {device!r} cannot be used ({reason}): use cpu, or cuda with a GPU") from None
    return TorchPatchEngine(patch_network(spec, file), target)


class TorchPatchEngine:
    """Implements `PatchEngine`; `--device torch` runs it on the CPU."""

    def __init__(self, network: PatchNetwork, device: torch.device) -> None:
        self._network, self._device = network.eval().to(device), device

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = torch.from_numpy(np.ascontiguousarray(patches.transpose(0, 3, 1, 2))).to(self._device)
        with torch.inference_mode():
            result: NDArray[np.float32] = self._network(x).cpu().numpy()
        return result
