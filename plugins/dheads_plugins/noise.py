"""The family noise: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="noise",
    title="Noise",
    family="noise",
    scope="family",
    description="Grain that the scene does not have, of a sensor, film or transmission, or what a denoiser left of it.",
    weights=bundled("noise"),
)
