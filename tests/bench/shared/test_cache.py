"""The keys of what was measured change with all that decides it, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import distortion_heads
from distortion_heads.bench.accuracy.samples import AccuracyPlan
from distortion_heads.bench.shared import cache as module
from distortion_heads.bench.shared.cache import ROOMS, Cache, cache_key, code_digest
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import build_registry
from helpers.tiny_registry import write_heads

Change = Callable[[Path], object]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the library's source, in whose place the digest looks."""
    folder = tmp_path / "copied/distortion_heads"
    ignored = shutil.ignore_patterns("bundled", "__pycache__")
    shutil.copytree(Path(distortion_heads.__file__).parent, folder, ignore=ignored)
    monkeypatch.setattr(module.distortion_heads, "__file__", str(folder / "__init__.py"))
    return folder


def test_rooms_are_there() -> None:
    library = Path(distortion_heads.__file__).parent
    assert [room for room in ROOMS if not (library / room).exists()] == []


@pytest.mark.parametrize(
    "file", [*(room for room in ROOMS if room.endswith(".py")), "io/rgb.py", "io/video/reader.py", "synthesis/plan.py"]
)
def test_a_change_in_any_room_gives_another_digest(library: Path, file: str) -> None:
    before = code_digest(())
    with (library / file).open("a") as stream:
        stream.write("# changed\n")
    assert code_digest(()) != before


@pytest.mark.parametrize("room", [room for room in ROOMS if not room.endswith(".py")])
def test_a_new_or_lost_file_in_a_room_gives_another_digest(library: Path, room: str) -> None:
    before = code_digest(())
    (library / room / "added.py").write_text("")
    added = code_digest(())
    (library / room / "added.py").unlink()
    assert code_digest(()) == before != added
    next(file for file in (library / room).glob("*.py") if file.read_text()).unlink()
    assert code_digest(()) != before


def test_a_change_elsewhere_gives_the_same_digest(library: Path) -> None:
    before = code_digest(())
    for file in ("bench/accuracy/report.py", "training/heads/train_head.py", "reports/files.py", "errors.py"):
        assert (library / file).exists()
        (library / file).write_text("# changed\n")
    assert code_digest(()) == before
    assert code_digest((), (*ROOMS, "errors.py")) != before


def test_generators_of_plugins_count_those_of_clips_too(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = build_registry(environ={"DHEADS_LOAD_PLUGINS": ""})
    for label in ("jpeg", "flicker"):
        spec = registry.head(label).spec
        plugin = tmp_path / label
        plugin.mkdir()
        (plugin / "maker.py").write_text("")
        maker = spec.synthesize or spec.synthesize_clip
        monkeypatch.setattr(module.sys.modules[maker.__module__], "__file__", str(plugin / "maker.py"))
        before = code_digest((spec,))
        (plugin / "helper.py").write_text("# beside it\n")
        assert code_digest((spec,)) != before


def test_the_key_is_of_heads_and_of_what_is_made(tmp_path: Path) -> None:
    make = write_heads(tmp_path / "weights", {"jpeg": "overview", "darken": "overview"})

    def key(plan: AccuracyPlan, labels: tuple[str, ...] = ("jpeg", "darken")) -> str:
        registry = make()
        specs = [registry.head(label).spec for label in labels]
        return cache_key(Predictor(labels, registry=registry, threads=1), specs, plan)

    first = key(AccuracyPlan())
    assert first == key(AccuracyPlan())
    assert len({first, key(AccuracyPlan(seed=1)), key(AccuracyPlan(mixtures=1)), key(AccuracyPlan(), ("jpeg",))}) == 4
    write_heads(tmp_path / "weights", {"jpeg": "overview", "darken": "overview"}, seed=9)
    assert key(AccuracyPlan()) != first


def test_arrays_are_kept_by_key_and_item(tmp_path: Path) -> None:
    kept = Cache(folder=tmp_path, key="a")
    assert kept.load(b"one") is None
    kept.save(b"one", {"x": np.arange(3)})
    found = kept.load(b"one")
    assert found is not None
    assert found["x"].tolist() == [0, 1, 2]
    assert kept.load(b"two") is None
    assert Cache(folder=tmp_path, key="b").load(b"one") is None
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert kept.load(b"one") is None
