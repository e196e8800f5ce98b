"""The family color: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="color",
    title="Colour",
    family="color",
    scope="family",
    description="Colours are off, thinned out or smeared: casts, faded or false colours, too few of them, fringes.",
    weights=bundled("color"),
)
