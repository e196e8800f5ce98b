"""The feature maps that each block of a network gives, the first one first (MLSP: Hosu, Goldluecke, Saupe 2019)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.GELU)


def block_maps(torso: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the maps (B, C, h, w) after each block of `torso`: a plain stack of modules, stacks of them, and blocks.

    A block is a module with modules inside that is no stack, such as a residual block, or an activation between such.
    Of a dense block each layer gives the maps that it adds.
    """
    return [maps for maps, kept in _steps(torso, x) if kept]


def _steps(module: nn.Module, x: Tensor) -> Iterator[tuple[Tensor, bool]]:
    """Yield what each part of `module` gives, and whether it ends a block; the last one is what `module` gives."""
    if isinstance(module, nn.ModuleDict):  # torchvision's dense block: a layer reads all that came before it
        yield from _dense(module, x)
    elif isinstance(module, nn.Sequential):
        for part in module:
            maps = x
            for maps, kept in _steps(part, x):
                yield maps, kept
            x = maps
    else:
        composite = next(module.children(), None) is not None
        yield module(x), composite or isinstance(module, ACTIVATIONS)


def _dense(block: nn.ModuleDict, x: Tensor) -> Iterator[tuple[Tensor, bool]]:
    import torch

    found = [x]
    for layer in block.values():
        found.append(layer(found))
        yield found[-1], True
    yield torch.cat(found, 1), False
