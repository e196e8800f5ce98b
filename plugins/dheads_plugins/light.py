"""The family light: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="light",
    title="Light",
    family="light",
    scope="family",
    makes=makes_of(
        "lighting",
        "atmosphere",
        gradient="Light from one side: a straight ramp across the picture, in any direction.",
        side_light="Light that falls in from one side and is added to the scene's.",
        spot="A lamp's spot, and darkness around it.",
        cast_shadow="Part of the picture lies in a shadow with a soft edge.",
        added_light="Light in a corner, along a side or in one place is added to the scene's, or missing there.",
        torn_shadow="Shadows of leaves or clouds: patches of any shape, a third to two thirds of the picture.",
        endoscope="The light sits beside the lens: bright in the middle, falling off with the square of the distance.",
    ),
    description="Uneven light: darker to one side, towards the corners or in patches.",
    weights=bundled("light"),
    view="light",
)
