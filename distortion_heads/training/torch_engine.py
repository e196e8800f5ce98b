"""The engine for GPUs: the same weights in torch. Imports torch only when opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.architecture import CELL, Architecture
from distortion_heads.errors import BackboneError, MissingExtraError

if TYPE_CHECKING:
    import torch


def open_torch_engine(
    architecture: Architecture, tensors: Mapping[str, NDArray[np.float32]], device: str
) -> TorchEngine:
    """Raises `MissingExtraError` without torch, `BackboneError` if torch does not know or have the device."""
    try:
        import torch
    except ImportError:
        raise MissingExtraError(f"--device {device}") from None
    try:
        target = torch.device("cpu" if device == "torch" else device)
        torch.empty(1, device=target)
    except (RuntimeError, AssertionError) as error:
        raise BackboneError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None
    return TorchEngine(architecture, tensors, target)


class TorchEngine:
    """Implements `Engine`; `--device torch` runs it on the CPU."""

    def __init__(
        self, architecture: Architecture, tensors: Mapping[str, NDArray[np.float32]], device: torch.device
    ) -> None:
        import torch

        self._architecture, self._device = architecture, device
        self._weights: dict[str, Any] = {
            name: torch.from_numpy(np.array(value)).to(device) for name, value in tensors.items()
        }

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device).permute(2, 0, 1)[None].float()
            x = x * (4 / 255) - 2.0
            means, variances, stride = [], [], 1
            for i, conv in enumerate(self._architecture.convs):
                weight, bias = self._weights[f"conv{i}.weight"], self._weights[f"conv{i}.bias"]
                x = torch.relu(functional.conv2d(x, weight, bias, conv.stride, conv.kernel // 2))
                stride *= conv.stride
                if conv.level:
                    side = CELL // stride
                    mean = functional.avg_pool2d(x, side)
                    centred = x - mean.repeat_interleave(side, 2).repeat_interleave(side, 3)
                    means.append(mean)
                    variances.append(functional.avg_pool2d(centred * centred, side))
            result: NDArray[np.float32] = torch.cat(means + variances, 1)[0].cpu().numpy()
        return result
