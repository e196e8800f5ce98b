"""The family blur: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="blur",
    title="Blur",
    family="blur",
    scope="family",
    makes=makes_of(
        "lenses",
        "optics",
        defocus="Out of focus through an iris of five to nine blades, or a round one, all over the picture.",
        defocus_by_depth="Nothing is in focus, and what is near differs from what is far.",
        gaussian="A Gaussian that is wider in one direction than in the other.",
        box="The mean of a square or of a rectangle.",
        median="The median of a square, of each channel.",
        shake="A hand that shook while the shutter was open.",
        motion="A straight movement, even or slowing down.",
        zoom="The lens was zoomed or the camera turned during the exposure: blur that grows towards the edges.",
        upscaled="Reduced and enlarged again: a small picture that was blown up.",
        moved_part="Most of the picture moved: a large region is blurred along its way, a small rest less so.",
    ),
    description="What should be sharp is not: out of focus, moved, smoothed or enlarged.",
    weights=bundled("blur"),
    view="full",
)
