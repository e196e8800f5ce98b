"""The family atmosphere: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="atmosphere",
    title="Atmosphere",
    family="atmosphere",
    scope="family",
    description="Something between the camera and the scene veils it: haze, fog, smoke, rain.",
    weights=bundled("atmosphere"),
    view="light",
)
