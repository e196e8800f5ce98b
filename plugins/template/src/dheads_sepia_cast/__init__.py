"""Detects the brown cast of aged photographs: a head for distortion-heads."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from dheads_sepia_cast import sepia_cast
from distortion_heads.hookspecs import hookimpl
from distortion_heads.spec import HeadSpec


@hookimpl
def dheads_heads() -> Iterable[HeadSpec]:
    folder = files(__name__)
    yield HeadSpec(
        label="sepia_cast",
        title="Sepia cast",
        family="color",
        description="Detects the brown cast of aged photographs: a head for distortion-heads.",
        weights=folder / "sepia_cast.safetensors",
        synthesize=sepia_cast.synthesize,
        view="native",
    )
