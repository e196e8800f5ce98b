from __future__ import annotations

from pathlib import Path

import pytest

from dheads_cli.commands.synth import WORKER_ENVIRONMENT
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import HeadSpec
from helpers.synth_runs import save_photo


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DHEADS_HOME", str(tmp_path / "home"))
    for name, value in WORKER_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def bank() -> dict[str, HeadSpec]:
    return {label: head.spec for label, head in build_registry().heads.items()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures of different sizes, one of them in a folder below."""
    folder = tmp_path / "photos"
    save_photo(folder / "b.png", 40, 48, seed=1)
    save_photo(folder / "deep/a.jpg", 36, 33, seed=2)
    return folder
