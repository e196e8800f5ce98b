"""The engines for GPUs: the same weights in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from distortion_heads.backbones.architecture import Architecture, Conv
from distortion_heads.backbones.files import PatchFile
from distortion_heads.backbones.with_torch.networks import Operation, PatchNetwork, levels, luma
from distortion_heads.backbones.with_torch.patch_network import patch_network
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec
from distortion_heads.views.units import CELL, LUMA_PARTS

SCALE = 4 / 255

BATCH = 8
"""Pictures of 512 x 384 that are run at once; about as many pixels as one tile of a large picture has."""


def open_torch_engine(
    architecture: Architecture, tensors: Mapping[str, NDArray[np.float32]], device: str
) -> TorchEngine:
    """Run this project's own network in torch. Raises `BackboneError` if torch does not know or have the device."""
    return TorchEngine(architecture, tensors, _usable(device))


def open_patch_engine(spec: BackboneSpec, file: PatchFile, device: str) -> TorchPatchEngine:
    """Run a patch network in torch. Raises `BackboneError` if the device cannot be used or nothing can build it."""
    target = _usable(device)
    return TorchPatchEngine(patch_network(spec, file), target)


def _usable(device: str) -> torch.device:
    try:
        target = torch.device("cpu" if device == "torch" else device)
        torch.ones(1, device=target).item()  # "meta" holds no values
    except (RuntimeError, AssertionError, ImportError) as error:
        said = str(error).splitlines()[0]
        raise BackboneError(f"device {device!r} cannot be used ({said}): use cpu, or cuda with a GPU") from None
    return target


class TorchEngine:
    """Implements `Engine`; `--device torch` runs it on the CPU.

    On a GPU the learnt convolutions are in half precision, channels last; the analysis bank, whose filters live by what
    they cancel, and the moments are in single precision everywhere.
    """

    batch = BATCH

    def __init__(
        self,
        architecture: Architecture,
        tensors: Mapping[str, NDArray[np.float32]],
        device: torch.device,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._architecture, self._device = architecture, device
        self._dtype = dtype or (torch.float16 if device.type == "cuda" else torch.float32)
        # In single precision sums over channels-last data are less exact than the engines may differ.
        self._layout = torch.contiguous_format if self._dtype == torch.float32 else torch.channels_last
        self._layers = [
            self._layer(conv, tensors[f"conv{i}.weight"], tensors[f"conv{i}.bias"])
            for i, conv in enumerate(architecture.convs)
        ]

    def _layer(self, conv: Conv, filters: NDArray[np.float32], biases: NDArray[np.float32]) -> Operation:
        if conv.analysis:  # it reads unscaled pixels, which are exact, as in the ONNX graph
            scale = np.float32(SCALE / sum(LUMA_PARTS) if conv.inputs == 1 else SCALE)
            bank, shift = (torch.from_numpy(array).to(self._device) for array in (filters * scale, biases.copy()))
            return partial(functional.conv2d, weight=bank, bias=shift, stride=conv.stride)
        weight = torch.from_numpy(filters.copy()).to(self._device, self._dtype, memory_format=self._layout)
        bias = torch.from_numpy(biases.copy()).to(self._device, self._dtype)
        return partial(functional.conv2d, weight=weight, bias=bias, stride=conv.stride, padding=conv.kernel // 2)

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.batch_moments([pixels])[0]

    def side_by_side(self) -> TorchEngine:
        return self

    def batch_moments(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            picture = self._sent(batch).float() - 127.5
            x = (picture * SCALE).to(self._dtype, memory_format=self._layout)
            found = levels(self._architecture, self._layers, x, {3: picture, 1: luma(picture)})
            sides = [CELL // stride for _, stride in self._architecture.levels]
            moments = [_cell_moments(level.contiguous(), side) for (_, level), side in zip(found, sides, strict=True)]
            parts = [part for kind in zip(*moments, strict=True) for part in kind]
            result: NDArray[np.float32] = torch.cat(parts, 1).cpu().numpy()
        return list(result)

    def _sent(self, batch: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """(B, 3, H, W) uint8 on the device; rows of pixels are channels-last already."""
        pixels = torch.from_numpy(np.stack(batch))
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
        return pixels.to(self._device, non_blocking=True).permute(0, 3, 1, 2)


def _cell_moments(x: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and variances of (B, C, H, W) over squares of `side`."""
    count, channels, height, width = x.shape
    cells = x.reshape(count, channels, height // side, side, width // side, side)
    mean = cells.mean((3, 5), keepdim=True)
    return mean[..., 0, :, 0], (cells - mean).square().mean((3, 5))


class TorchPatchEngine:
    """Implements `PatchEngine`; `--device torch` runs it on the CPU."""

    def __init__(self, network: PatchNetwork, device: torch.device) -> None:
        self._network, self._device = network.eval().to(device), device

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        x = torch.from_numpy(np.ascontiguousarray(patches.transpose(0, 3, 1, 2))).to(self._device)
        with torch.inference_mode():
            result: NDArray[np.float32] = self._network(x).cpu().numpy()
        return result
