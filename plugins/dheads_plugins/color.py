"""The family color: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="color",
    title="Colour",
    family="color",
    scope="family",
    makes=makes_of(
        "colours",
        "processing",
        cast="A wrong white balance, in linear light.",
        shifted="Something is added to some channels and taken from others, as by a filter or in a faded print.",
        faded="Colour is lost, up to a grey picture.",
        shrill="Colours are stronger than those of any scene, and clipped.",
        turned="All hues are turned by one angle.",
        mixed_channels="Channels leak into each other, as with a wrong colour matrix or profile.",
        few_levels="Each channel keeps few levels, so that slow changes become steps.",
        palette="A palette of few colours, with or without dithering.",
        fringe="Red, blue or both lie beside green, everywhere or towards the edges.",
    ),
    description="Colours are off, thinned out or smeared: casts, faded or false colours, too few of them, fringes.",
    weights=bundled("color"),
    view="full",
)
