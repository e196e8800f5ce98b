"""Small scenes, their distorted versions, and plugins that make them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from distortion_heads.hookspecs import hookimpl
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.discovery import Owner
from distortion_heads.spec import HeadSpec

PLUGIN = Owner(distribution="some-plugin", version="1.0", name="some")


def scene(seed: int, side: int = 96) -> np.ndarray:
    """Smooth random patches, uint8 (side, side, 3): no two seeds look alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def noisy(pixels: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng([seed, 7]).normal(0, 25, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_clean(folder: Path, count: int, first: int = 0) -> Path:
    for seed in range(first, first + count):
        save(folder / f"scene{seed:03d}.png", scene(seed))
    return folder


def write_folder(root: Path, label: str, positives: int = 24, negatives: int = 24) -> Path:
    """`root/LABEL` with noisy scenes, `root/clean` with the same scenes as they were."""
    for seed in range(positives):
        save(root / label / f"scene{seed:03d}.png", noisy(scene(seed), seed))
    for seed in range(negatives):
        save(root / "clean" / f"scene{seed:03d}.png", scene(seed))
    return root


def add_noise(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 0.04 * severity, image.shape), 0, 1).astype(np.float32)


def darken(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    return (image * np.float32(1 - severity / 8)).astype(np.float32)


def spec(label: str, **more: Any) -> HeadSpec:
    return HeadSpec(**{"label": label, "title": label.title(), "family": "noise", "description": "D", **more})


GRAIN = spec("grain", title="Film grain", synthesize=add_noise)
DARK = spec("dark", family="exposure", synthesize=darken)


def registered(head: HeadSpec) -> RegisteredHead:
    return RegisteredHead(spec=head, owner=PLUGIN)


def registry(*heads: HeadSpec) -> Registry:
    return Registry(MappingProxyType({head.label: registered(head) for head in heads}), MappingProxyType({}), (), ())


class HeadsPlugin:
    """An installed plugin that brings `heads`."""

    def __init__(self, *heads: HeadSpec) -> None:
        self.heads = heads

    @hookimpl
    def dheads_heads(self) -> Iterable[HeadSpec]:
        return self.heads
