"""The family sharpness: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="sharpness",
    title="Sharpness",
    family="sharpness",
    scope="family",
    makes=makes_of(
        "sharpening",
        "processing",
        unsharp="An unsharp mask of .6 to 4 pixels.",
        laplacian="A Laplacian of four or of eight neighbours is taken away.",
        crisp="Sharpened by the local contrast: weak texture much, strong edges hardly.",
        clarity="Local contrast of wide surroundings: halos of many pixels.",
    ),
    description="Sharpened too much: halos along edges, texture that is too hard.",
    weights=bundled("sharpness"),
    view="full",
)
