"""Samples for the model of places: pictures a known part of which is distorted, and some of their places."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.datasets.clean_pictures import content_digest, load_scene
from distortion_heads.heat.place_model import place_inputs
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import BackboneSpec
from distortion_heads.synthesis.afterwards import handed_on
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.synthesis.mixtures import FamilyOperators
from distortion_heads.synthesis.parts import Part, draw_part
from distortion_heads.training.features.blocks import block_files, make_missing, read_blocks, write_block
from distortion_heads.training.features.family_samples import SampleMaker, sample_maker
from distortion_heads.views.scene import scene_of
from distortion_heads.views.units import CELL

PER_BLOCK, PLACES = 50, 64
"""Pictures in a block, and places that are read of each."""

FAULTS = (0.1, 0.72, 0.18)
"""How often none, one or two parts are distorted."""

ODDS: Mapping[str, float] = {"blur": 0.22, "atmosphere": 0.22, "noise": 0.12, "compression": 0.12}
"""How often a family is drawn; the others share the rest."""

SOFT = frozenset({"atmosphere", "light", "exposure"})
PASTED = frozenset({"compression"})
"""Families the parts of which fade, mostly; and those that a part may have by itself, as a picture in another."""

LEAST = 64
"""Sides in pixels of the smallest part that is distorted by itself."""

_ARRAYS = ("inputs", "shares", "scenes")
_Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class PlacePlan:
    """`versions` samples of each of `scenes`, kept in blocks in `folder`."""

    folder: Path
    scenes: tuple[Path, ...]
    versions: int
    seed: int
    backbone: BackboneSpec
    families: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        parts = (content_digest(self.scenes), read_ref(self.backbone).fingerprint, self.seed, self.families)
        return hashlib.sha256(repr((*parts, PER_BLOCK, PLACES)).encode()).hexdigest()[:12]

    @property
    def count(self) -> int:
        return self.versions * len(self.scenes)

    @property
    def blocks(self) -> tuple[Path, ...]:
        """The files of all blocks."""
        return block_files(self.folder, f"places-{self.digest}", self.count, PER_BLOCK)


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceSamples:
    """n places: float16 `inputs` (n, width), float32 `shares` (n, families) of a place affected, and their `scenes`."""

    inputs: NDArray[np.float16]
    shares: NDArray[np.float32]
    scenes: NDArray[np.int64]


def collect_places(plan: PlacePlan, workers: int) -> Iterator[int]:
    """Make the blocks that are missing; yields the number of samples done so far."""
    return make_missing(plan.blocks, partial(_make_block, plan), PER_BLOCK, workers)


def read_place_samples(plan: PlacePlan) -> PlaceSamples:
    """Read all blocks. Raises `DataError` if one of them is not what `collect_places` writes."""
    return PlaceSamples(**read_blocks(plan.blocks, _ARRAYS))


def _make_block(plan: PlacePlan, index: int) -> None:
    maker = sample_maker(plan)
    rows = [_sample(maker, plan, place) for place in range(index * PER_BLOCK, min(plan.count, (index + 1) * PER_BLOCK))]
    tensors = dict(zip(_ARRAYS, (np.concatenate(column) for column in zip(*rows, strict=True)), strict=True))
    write_block(plan.blocks[index], tensors)


def _sample(
    maker: SampleMaker, plan: PlacePlan, place: int
) -> tuple[NDArray[np.float16], NDArray[np.float32], NDArray[np.int64]]:
    scene = place % len(plan.scenes)
    rng = np.random.default_rng((plan.seed, place))
    pixels, parts = distorted_in_parts(scene_of(load_scene(plan.scenes[scene])).pixels, maker.operators, rng)
    _, local = maker.backbone.located_features(pixels, "native")  # type: ignore[attr-defined]
    shares = np.zeros((local.rows * local.columns, len(plan.families)), np.float32)
    for family, inside in parts.items():
        shares[:, plan.families.index(family)] = _shares(inside, local.rows, local.columns).ravel()
    chosen = rng.choice(len(shares), min(PLACES, len(shares)), replace=False)
    return place_inputs(local)[chosen].astype(np.float16), shares[chosen], np.full(len(chosen), scene, np.int64)


def distorted_in_parts(
    pixels: _Pixels, operators: Mapping[str, FamilyOperators], rng: np.random.Generator
) -> tuple[_Pixels, dict[str, NDArray[np.bool_]]]:
    """Return uint8 (h, w, 3), some parts of which are distorted, and by family the part, bool (h, w).

    Sometimes mirrored, and handed on as files are: reduced, or stored as JPEG.
    """
    image = to_float(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
    parts: dict[str, NDArray[np.bool_]] = {}
    names = list(operators)
    others = (1 - sum(ODDS.values())) / max(1, sum(name not in ODDS for name in names))
    odds = np.array([ODDS.get(name, others) for name in names])
    count = min(len(names), int(rng.choice(len(FAULTS), p=FAULTS)))
    for family in (str(name) for name in rng.choice(names, count, replace=False, p=odds / odds.sum())):
        step = _draw_step(operators[family], rng)
        part = draw_part(image.shape[:2], rng, soft=family in SOFT and rng.random() < 0.8)
        if family in PASTED and rng.random() < 0.5 and _fits(part):
            rows, columns = part.box
            image, inside = image.copy(), np.zeros(image.shape[:2], bool)
            image[rows, columns] = distort(np.ascontiguousarray(image[rows, columns]), [step], rng)
            inside[rows, columns] = True
            parts[family] = inside
        else:
            image = image + part.weight[..., np.newaxis] * (distort(image, [step], rng) - image)
            parts[family] = part.inside
    image = np.clip(image, 0, 1, dtype=np.float32)
    made = handed_on(image, rng) if rng.random() < 0.25 else to_uint8(image)
    return made, {family: _resized(inside, made.shape) for family, inside in parts.items()}


def _draw_step(family: FamilyOperators, rng: np.random.Generator) -> Step:
    choice = family.makes if family.makes and (rng.random() < 0.45 or not family.kinds) else family.kinds
    return Step(spec=choice[int(rng.integers(len(choice)))], severity=float(rng.uniform(1.8, 5)))


def _fits(part: Part) -> bool:
    return all(side.stop - side.start >= LEAST for side in part.box)


def _resized(inside: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if inside.shape == shape[:2]:
        return inside
    return np.asarray(Image.fromarray(inside).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def _shares(inside: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.float32]:
    """The share of the pixels of each cell that are inside, (rows, columns); cells may reach beyond the picture."""
    cells = np.zeros((2, rows * CELL, columns * CELL), np.float32)
    cells[0, : inside.shape[0], : inside.shape[1]], cells[1, : inside.shape[0], : inside.shape[1]] = inside, 1
    sums = cells.reshape(2, rows, CELL, columns, CELL).sum(axis=(2, 4))
    shares: NDArray[np.float32] = sums[0] / np.maximum(sums[1], 1)
    return shares
