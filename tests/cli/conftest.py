"""A user with two heads of their own and a few pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.heads.head import Threshold
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture


@pytest.fixture
def dheads(capfd: pytest.CaptureFixture[str]) -> Dheads:
    return Dheads(capfd)


@pytest.fixture(scope="session")
def ref() -> BackboneRef:
    return read_backbone(bundled_backbone().weights).ref


@pytest.fixture
def own_heads(home: Path, ref: BackboneRef) -> tuple[str, str]:
    """`always` is present in every picture, `never_here` in none."""
    attach(home, ref, "always", family="odd", title="Always", threshold=Threshold(value=0.0))
    attach(home, ref, "never_here", family="even", threshold=Threshold(value=1.0), outputs=("presence",))
    return ("always", "never_here")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three pictures, not in the order of their names."""
    return [write_picture(tmp_path / "pictures" / f"{name}.png", seed) for seed, name in enumerate("cab")]
