"""Backbones as torch modules that can be trained, and their files: both kinds, from wherever they come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from distortion_heads.backbones.architecture import MEAN_FLOOR, QUIET, VARIANCE_FLOOR, Architecture, Conv
from distortion_heads.backbones.files import BackboneFile, dump_backbone, dump_patch_backbone, fingerprint
from distortion_heads.backbones.with_torch.block_maps import block_maps
from distortion_heads.backbones.with_torch.cell_graph import build_graph
from distortion_heads.backbones.with_torch.patch_graph import build_patch_graph
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneRef, PatchInput
from distortion_heads.views.patches import PatchGrid
from distortion_heads.views.units import FEATURE_LIMIT, LUMA_PARTS
from distortion_heads.views.windows import STRIDE, WINDOW

LEAST_SCALE = 0.3
"""Least deviation by which a feature of random weights is divided: photographs vary more than drawn textures."""

STD_FLOOR = 1e-4
"""Added to a variance before the square root, so that flat maps have a defined gradient."""


class TrainableBackbone(nn.Module, ABC):
    """uint8 or float (B, 3, *grid.size) pixels in [0, 255] -> float32 (B, dim) features.

    Batch normalisation stays as in prediction unless `learns_norms` is set: batches of few scenes would spoil its
    statistics, and several processes would not compute what one does.
    """

    name: str
    grid: PatchGrid
    dim: int
    learns_norms = False

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """The parts in their order."""

    @abstractmethod
    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the content of the backbone's file."""

    @abstractmethod
    def files(self, info: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """The weights as safetensors, and the ONNX graph without weights."""

    @property
    def ref(self) -> BackboneRef:
        return BackboneRef(name=self.name, fingerprint=fingerprint(self.tensors()), dim=self.dim)

    def unfreeze(self, finetune: Finetune) -> None:
        """Let nothing, the parts that work at the last resolution, or everything be trained."""
        trained = {"frozen": [], "last-block": self.last_block(), "all": self.blocks()}[finetune]
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        for block in trained:
            for parameter in block.parameters():
                parameter.requires_grad_(True)

    def last_block(self) -> list[nn.Module]:
        """The last parts with weights between which the feature maps are not reduced any more."""
        sizes: list[int] = []
        blocks = self.blocks()
        hooks = [b.register_forward_hook(lambda _m, _x, out: sizes.append(int(out.shape[-1]))) for b in blocks]
        with torch.no_grad():
            self.eval().call_blocks(torch.zeros(1, 3, *self.grid.size, device=next(self.parameters()).device))
        for hook in hooks:
            hook.remove()
        chosen: list[nn.Module] = []
        for i in reversed(range(len(blocks))):
            chosen.insert(0, blocks[i])
            reduces = i > 0 and sizes[i - 1] > sizes[i]
            if reduces and any(True for block in chosen for _ in block.parameters()):
                break
        return chosen

    def call_blocks(self, pixels: Tensor) -> None:
        """Call each of the `blocks` once on what the one before it gives."""
        self(pixels)

    def train(self, mode: bool = True) -> TrainableBackbone:
        super().train(mode and self.learns_norms)
        return self


class PatchNetwork(TrainableBackbone):
    """A torso that gives feature maps, between the normalisation of pixels and the pooling of the maps."""

    def __init__(self, name: str, torso: nn.Module, patches: PatchInput, tail: Tail, source: str) -> None:
        """`source`: "torchvision", "plugin" or "meon". Raises `BackboneError` if the torso gives no feature maps."""
        super().__init__()
        self.name = name
        self.grid = PatchGrid(side=patches.side, stride=patches.stride, width=patches.width)
        self.network = {"source": source, "name": name, "tail": tail}
        self.torso, self._tail = torso, tail
        self.register_buffer("input_mean", torch.tensor(patches.mean, dtype=torch.float32))
        self.register_buffer("input_std", torch.tensor(patches.std, dtype=torch.float32))
        with torch.no_grad():
            maps = torso.eval()(torch.zeros(1, 3, *self.grid.size))
            if not isinstance(maps, Tensor) or maps.ndim != 4:
                raise BackboneError(f"backbone {name!r} does not give feature maps (B, C, h, w)")
            self.dim = int(self(torch.zeros(1, 3, *self.grid.size)).shape[1])

    def forward(self, pixels: Tensor) -> Tensor:
        mean, std = self.get_buffer("input_mean"), self.get_buffer("input_std")
        x = (pixels.float() / 255 - mean[:, None, None]) / std[:, None, None]
        if self._tail == "mlsp":
            return torch.cat([maps.float().mean((2, 3)) for maps in block_maps(self.torso, x)], 1)
        return self.pool(self.torso(x))

    def pool(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, dim): flattened, as they are or max-pooled 2 x 2, or their means (and deviations)."""
        maps = maps.float()
        if self._tail == "flat":
            return maps.flatten(1)
        if self._tail == "mean":
            return maps.mean((2, 3))
        if self._tail == "maxpool":
            return functional.max_pool2d(maps, 2).flatten(1)
        mean = maps.mean((2, 3), keepdim=True)
        variance = ((maps - mean) ** 2).mean((2, 3))
        return torch.cat([mean.flatten(1), (variance + STD_FLOOR).sqrt()], 1)

    def blocks(self) -> list[nn.Module]:
        return list(self.torso.children())

    def call_blocks(self, pixels: Tensor) -> None:
        self.torso(pixels)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        found = {name: _array(value) for name, value in self.state_dict().items() if value.is_floating_point()}
        side, stride, width = self.grid.side, self.grid.stride, self.grid.width
        return {**found, "patch": np.array([side, stride, width] if width else [side, stride], np.float32)}

    def files(self, info: Mapping[str, Any]) -> tuple[bytes, bytes]:
        weights = dump_patch_backbone(self.name, self.dim, self.network, self.tensors(), info)
        return weights, build_patch_graph(self, self.grid.size)


class CellNetwork(TrainableBackbone):
    """This project's own architecture as its file has it: batch normalisation folded, features standardised."""

    def __init__(self, file: BackboneFile) -> None:
        super().__init__()
        self.name, self.grid = file.name, PatchGrid(side=WINDOW, stride=STRIDE)
        self.architecture, self.dim = file.architecture, file.architecture.dim
        self.convs = nn.ModuleList()
        for i, c in enumerate(file.architecture.convs):
            conv = nn.Conv2d(c.inputs, c.outputs, c.kernel, c.stride, c.kernel // 2)
            conv.load_state_dict({part: torch.from_numpy(file.tensors[f"conv{i}.{part}"]) for part in _PARTS})
            conv.requires_grad_(not c.analysis)  # the bank is what the heads count on
            self.convs.append(conv)
        self.register_buffer("feature_mean", torch.from_numpy(file.tensors["feature_mean"]))
        self.register_buffer("feature_scale", torch.from_numpy(file.tensors["feature_scale"]))

    def forward(self, pixels: Tensor) -> Tensor:
        picture = pixels.float() * (4 / 255) - 2.0
        grey = luma(picture) / sum(LUMA_PARTS)
        layers = [_unpadded(conv) if spec.analysis else conv for spec, conv in self._layers()]
        features = pooled(levels(self.architecture, layers, picture, {3: picture, 1: grey}))
        standard = (features - self.get_buffer("feature_mean")) / self.get_buffer("feature_scale")
        return standard.clamp(-FEATURE_LIMIT, FEATURE_LIMIT)

    def _layers(self) -> Iterator[tuple[Conv, nn.Conv2d]]:
        return zip(self.architecture.convs, cast(Iterable[nn.Conv2d], self.convs), strict=True)

    def blocks(self) -> list[nn.Module]:
        return [conv for spec, conv in self._layers() if not spec.analysis]

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        convs = {f"conv{i}.{part}": getattr(conv, part) for i, conv in enumerate(self.convs) for part in _PARTS}
        return {name: _array(value) for name, value in {**convs, **dict(self.named_buffers())}.items()}

    def files(self, info: Mapping[str, Any]) -> tuple[bytes, bytes]:
        return dump_backbone(self.name, self.architecture, self.tensors(), info), build_graph(self.architecture)


_PARTS = ("weight", "bias")


@torch.no_grad()
def settle_norms(network: PatchNetwork) -> None:
    """Give random weights the batch statistics of 32 drawn textures, without which deep features vanish or explode."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train().momentum = None  # the mean over what is seen
    network(_textures(network.grid.size))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval().momentum = momentum


@torch.no_grad()
def draw_anew(network: CellNetwork, seed: int) -> None:
    """Draw what is learnt of a network at random (He, Zhang, Ren, Sun 2015), features standard on 32 drawn textures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for conv in network.blocks():
            nn.init.kaiming_normal_(cast(nn.Conv2d, conv).weight, nonlinearity="relu")
            nn.init.zeros_(cast(Tensor, conv.bias))
    mean, far = torch.zeros(network.dim), 1e9  # no feature is so large that it would be limited
    network.register_buffer("feature_mean", mean)  # those that are there belong to the file
    network.register_buffer("feature_scale", mean + far)
    found = network(_textures(network.grid.size)) * far
    network.register_buffer("feature_mean", found.mean(0))
    network.register_buffer("feature_scale", found.std(0).clamp(min=LEAST_SCALE))


def _textures(size: tuple[int, int]) -> Tensor:
    """Return 32 drawn pictures (32, 3, *size) in [0, 255], from smooth to noisy, always the same."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(32, 3, 8, 8, generator=rng) * 255
    noise = torch.randn(32, 3, *size, generator=rng) * torch.linspace(0, 40, 32)[:, None, None, None]
    return (functional.interpolate(coarse, size, mode="bicubic") + noise).clamp(0, 255)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().float().contiguous().numpy().copy()
    return array


Finetune: TypeAlias = Literal["frozen", "last-block", "all"]


Tail: TypeAlias = Literal["maxpool", "flat", "moments", "mean", "mlsp"]


Operation: TypeAlias = Callable[[Tensor], Tensor]


def levels(
    architecture: Architecture, layers: Sequence[Operation], picture: Tensor, read: Mapping[int, Tensor]
) -> Iterator[tuple[Conv, Tensor]]:
    """Yield the levels (B, C, h, w) of `picture` (B, 3, H, W) in float32: the forward pass of the network.

    `layers` are called for the convolutions, those of the banks without padding; a bank with n inputs reads `read[n]`.
    """
    x = picture
    for conv, layer in zip(architecture.convs, layers, strict=True):
        if conv.analysis:
            yield conv, magnitudes(read[conv.inputs], layer, conv)
        else:
            x = torch.relu_(layer(x))
            if conv.level:
                yield conv, x.float()


def magnitudes(read: Tensor, bank: Operation, conv: Conv) -> Tensor:
    """Return the level of an analysis bank, in single precision: its filters live by what they cancel."""
    with torch.autocast(read.device.type, enabled=False):
        padded = functional.pad(read, (conv.kernel // 2,) * 4, mode="reflect")
        return torch.relu(bank(padded).abs() - QUIET)


def _unpadded(conv: nn.Conv2d) -> Operation:
    return partial(functional.conv2d, weight=conv.weight, bias=conv.bias, stride=conv.stride)


def luma(picture: Tensor) -> Tensor:
    """(B, 1, H, W), a thousand times the luma of (B, 3, H, W)."""
    return (picture * picture.new_tensor(LUMA_PARTS)[:, None, None]).sum(1, keepdim=True)


def pooled(found: Iterable[tuple[Conv, Tensor]]) -> Tensor:
    """Return the features (B, dim) of a window: means of the levels (their logarithm for a bank), log deviations."""
    means, deviations = [], []
    for conv, level in found:
        mean = level.mean((2, 3))
        means.append((mean + MEAN_FLOOR).log() if conv.analysis else mean)
        deviations.append(0.5 * (level.var((2, 3), unbiased=False) + VARIANCE_FLOOR).log())
    return torch.cat(means + deviations, 1)
