"""The family atmosphere: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="atmosphere",
    title="Atmosphere",
    family="atmosphere",
    scope="family",
    makes=makes_of(
        "air",
        "atmosphere",
        haze="Mist or haze over a scene with depth.",
        even_haze="The same veil everywhere: fog close by, a dirty or fogged lens.",
        plume="Smoke in one place, as of an instrument that burns tissue: dense near its source, torn at its edges.",
        swirls="Smoke that fills the picture in swirls.",
    ),
    description="Something between the camera and the scene veils it: haze, fog, smoke, rain.",
    weights=bundled("atmosphere"),
    view="light",
)
