"""How good a picture is, whatever is wrong with it: people's mean opinion, 1 (very annoying) to 5 (imperceptible)."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import QUALITY, HeadSpec

HEAD = HeadSpec(
    label="quality",
    title="Quality",
    family="quality",
    scope=QUALITY,
    view="full",
    description="How good the picture is, 1 (faults very annoying) to 5 (imperceptible), as people who see it beside "
    "the original would say on average.",
    weights=bundled("quality"),
    source="KADID-10k (Lin, Hosu, Saupe 2019): mean opinions by type and strength",
)
