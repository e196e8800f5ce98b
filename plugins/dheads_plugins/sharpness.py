"""The family sharpness: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="sharpness",
    title="Sharpness",
    family="sharpness",
    scope="family",
    description="Sharpened too much: halos along edges, texture that is too hard.",
    weights=bundled("sharpness"),
)
