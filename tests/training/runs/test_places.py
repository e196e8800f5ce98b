"""The model of places, from a few pictures: what is distorted, what is written, and that a stopped run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.errors import DataError
from distortion_heads.heat.place_model import PARTS, read_places
from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis.mixtures import operators_of
from distortion_heads.training.features.place_samples import distorted_in_parts
from distortion_heads.training.runs.places import HIDDEN, PlaceOptions, train_places

SPECS = {label: head.spec for label, head in build_registry(no_plugins=True).heads.items()}


def photograph(seed: int) -> np.ndarray:
    """Smooth colours with a fine grain, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8))
    smooth = np.asarray(coarse.resize((224, 192), Image.Resampling.BICUBIC), np.int16)
    return np.clip(smooth + rng.integers(-20, 21, (192, 224, 1)), 0, 255).astype(np.uint8)


def test_only_the_part_is_distorted() -> None:
    pixels, operators = photograph(0), operators_of(SPECS, ("noise",))
    seen, untouched = set(), 0
    for seed in range(40):
        made, parts = distorted_in_parts(pixels, operators, np.random.default_rng(seed))
        assert made.dtype == np.uint8
        seen.add(tuple(parts))
        for inside in parts.values():
            assert inside.shape == made.shape[:2]
        if made.shape == pixels.shape and parts and not parts["noise"].all():
            change = min(
                (np.abs(made.astype(int) - side).mean(axis=2) for side in (pixels, pixels[:, ::-1])), key=np.sum
            )
            assert change[parts["noise"]].mean() > change[~parts["noise"]].mean()
            untouched += bool(change[~parts["noise"]].max() == 0)
    assert seen == {(), ("noise",)}
    assert untouched >= 10  # the others have a soft edge, or were handed on


def test_a_model_of_the_families_that_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    for seed in range(6):
        Image.fromarray(photograph(seed)).save(tmp_path / "clean" / f"{seed}.png")
    specs = {label: spec for label, spec in SPECS.items() if spec.family in ("blur", "noise")}
    options = PlaceOptions(images=tmp_path / "clean", out=tmp_path / "out", versions=2)
    path, model = train_places(options, specs)
    assert model.families == ("blur", "noise")
    assert model.first.shape == (PARTS * model.backbone.dim, HIDDEN)
    assert model.info["clean photographs"] == 6
    assert read_places(path).backbone == model.backbone
    blocks = [(block, block.stat().st_mtime_ns) for block in blocks_of(tmp_path)]
    written = path.read_bytes()
    train_places(options, specs)
    assert blocks == [(block, block.stat().st_mtime_ns) for block in blocks_of(tmp_path)]
    assert path.read_bytes() == written


def blocks_of(folder: Path) -> list[Path]:
    return sorted((folder / "out" / "samples").iterdir())


def test_too_few_pictures_are_said(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    Image.fromarray(photograph(0)).save(tmp_path / "clean" / "a.png")
    with pytest.raises(DataError, match="1 pictures are too few: give at least 5"):
        train_places(PlaceOptions(images=tmp_path / "clean", out=tmp_path / "out"), SPECS)
