"""The family blur: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="blur",
    title="Blur",
    family="blur",
    scope="family",
    description="What should be sharp is not: out of focus, moved, smoothed or enlarged.",
    weights=bundled("blur"),
)
