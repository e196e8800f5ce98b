"""The family exposure: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="exposure",
    title="Exposure",
    family="exposure",
    scope="family",
    description="Too dark, too bright or of wrong contrast as a whole.",
    weights=bundled("exposure"),
    view="light",
)
