"""The family light: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="light",
    title="Light",
    family="light",
    scope="family",
    description="Uneven light: darker to one side, towards the corners or in patches.",
    weights=bundled("light"),
    view="light",
)
