"""A dataset in KADID-10k's layout, made from clean pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.make_kadid_like import make_kadid_like
from distortion_heads.datasets.audit.audit import audit_corpus
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.published.kadid import TYPES
from distortion_heads.errors import DataError
from distortion_heads.io.images import load_image
from distortion_heads.registry.build import Registry, build_registry
from helpers.little_pictures import save, scene


@pytest.fixture(scope="module")
def builtin() -> Registry:
    return build_registry(no_plugins=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, builtin: Registry) -> Path:
    folder = tmp_path_factory.mktemp("kadid")
    save(folder / "clean" / "0_too_small.png", scene(9, 40))
    for seed in range(2):
        grain = np.random.default_rng(seed).normal(0, 6, (80, 80, 3))
        save(folder / "clean" / f"{seed}.png", np.clip(scene(seed, 80) + grain, 0, 255).astype(np.uint8))
    assert make_kadid_like(folder / "clean", folder / "out", builtin, scenes=2, size=(64, 48)) == 2
    return folder


def test_layout_is_kadids(made: Path) -> None:
    images = {path.name for path in (made / "out" / "images").iterdir()}
    wanted = {f"I{s:02d}_{t:02d}_{v:02d}.png" for s in (1, 2) for t in range(1, 26) for v in range(1, 6)}
    assert images == wanted | {"I01.png", "I02.png"}
    assert {load_image(path).shape for path in (made / "out" / "images").glob("I01*")} == {(48, 64, 3)}
    header, *rows = (made / "out" / "dmos.csv").read_text().split()
    assert header == "dist_img,ref_img,level_not_an_opinion"
    assert len(rows) == 250


def test_it_is_read_and_its_identities_are_found(made: Path) -> None:
    found = load_corpus(made / "out")
    assert found.labels == TYPES
    assert all(record.mos is None for record in found.records)
    report = audit_corpus(found)
    copies = {f.message.split()[2] for f in report.findings if f.check == "same as reference" and f.grade == "handled"}
    assert copies == {"gaussian_blur", "motion_blur", "color_saturation_lab", "mean_shift"}
    assert [finding for finding in report.findings if finding.check in ("conflicting labels", "sizes")] == []


def test_signs_of_kadids_shifts_and_contrasts(made: Path) -> None:
    def picture(name: str) -> np.ndarray:
        return load_image(made / "out" / "images" / name).astype(float)

    reference = picture("I01.png")
    means = [float((picture(f"I01_18_0{level}.png") - reference).mean()) for level in range(1, 6)]
    assert means[0] > means[1] > means[2] == 0 > means[3] > means[4]
    spreads = [picture(f"I01_25_0{level}.png").std() for level in (1, 2, 4, 5)]
    assert spreads[0] > spreads[1] > reference.std() > spreads[2] > spreads[3]


def test_same_seed_same_bytes_and_what_is_there_is_kept(made: Path, builtin: Registry, tmp_path: Path) -> None:
    kept = save(tmp_path / "images" / "I01_10_03.png", scene(3, 16)).read_bytes()
    make_kadid_like(made / "clean", tmp_path, builtin, scenes=1, size=(64, 48), jobs=2)
    for path in (tmp_path / "images").iterdir():
        same = path.read_bytes() == (made / "out" / "images" / path.name).read_bytes()
        assert same == (path.name != "I01_10_03.png")
    assert (tmp_path / "images" / "I01_10_03.png").read_bytes() == kept


def test_too_few_pictures(made: Path, builtin: Registry, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 pictures of at least 64 x 48 pixels; 3 are wanted"):
        make_kadid_like(made / "clean", tmp_path, builtin, scenes=3, size=(64, 48))
    with pytest.raises(DataError, match="0 pictures"):
        make_kadid_like(tmp_path, tmp_path, builtin)
