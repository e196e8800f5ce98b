"""Make the model of familiar pictures from clean photographs and distorted versions of them (`--familiarity`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.familiarity import AXES, SUFFIX, Familiarity, dump_familiarity, fit_familiarity
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.backbones.read_views import scene_features
from distortion_heads.datasets.own_data import read_clean
from distortion_heads.datasets.wild import PHOTOGRAPHS, read_wild
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.images import load_image
from distortion_heads.reports.files import write_files
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, HeadSpec
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.views.scene import scene_of, too_little

VERSIONS = 2
"""Distorted versions of each clean photograph."""


@dataclass(frozen=True, kw_only=True)
class FamiliarOptions:
    """`images`: clean photographs; `wild`: photographs as they were found, with a list, of its split "train"."""

    images: Path
    out: Path
    wild: Path | None = None
    seed: int = 0
    command: str = "dheads train --familiarity"
    report: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)


def train_familiarity(options: FamiliarOptions, specs: tuple[HeadSpec, ...]) -> tuple[Path, Familiarity]:
    """Write `out/dheads_small.familiarity.safetensors` for the bundled backbone; return its path and what it holds.

    Raises `DataError` if the pictures are too few.
    """
    spec = bundled_backbone()
    backbone = open_backbone(spec)
    makers = tuple(spec for spec in specs if spec.synthesize is not None)
    clean = [image.path for image in read_clean(options.images)]
    found = [] if options.wild is None else read_wild(options.wild, "train")
    photographs = [picture.path for picture in found if picture.group in PHOTOGRAPHS]
    features: list[NDArray[np.float32]] = []
    scenes: list[int] = []
    for scene, path in zip(count(), [*clean, *photographs], strict=False):
        options.report("pictures", scene, len(clean) + len(photographs))
        try:
            pixels = load_image(path)
        except InputError as error:
            raise DataError(f"{path}: {error}") from None
        rng = np.random.default_rng((options.seed, scene))
        for version in versions_of(pixels, makers if scene < len(clean) else (), rng):
            if (row := mean_features(backbone, version)) is not None:
                features.append(row)
                scenes.append(scene)
    if len(features) <= AXES:
        raise DataError(f"{options.images}: {len(features)} pictures are too few: give more than {AXES}")
    info = {
        "command": options.command,
        "clean photographs": len(clean),
        "distorted versions of each": VERSIONS,
        "photographs as they were found": len(photographs),
    }
    model = fit_familiarity(np.stack(features), np.array(scenes), backbone.ref, info)
    name = f"{spec.name}{SUFFIX}.safetensors"
    write_files(options.out, {name: dump_familiarity(model)})
    return options.out / name, model


def mean_features(backbone: FeatureSource, pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Return the mean of the native windows' features, float32 (dim,); None for a picture with too little to judge."""
    scene = scene_of(pixels)
    if too_little(scene):
        return None
    return np.asarray(scene_features(backbone, scene, ("native",))["native"].mean(axis=0))


def versions_of(
    pixels: NDArray[np.uint8], makers: tuple[HeadSpec, ...], rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Yield a picture and then distorted versions of it, as many as `VERSIONS`; none without `makers`."""
    yield pixels
    image = np.asarray(pixels, np.float32) / np.float32(255)
    for _ in range(VERSIONS if makers else 0):
        spec, severity = makers[int(rng.integers(len(makers)))], float(rng.uniform(MIN_SEVERITY, MAX_SEVERITY))
        yield np.rint(distort(image, [Step(spec=spec, severity=severity)], rng) * 255).astype(np.uint8)
