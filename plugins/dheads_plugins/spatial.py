"""The family spatial: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="spatial",
    title="Spatial",
    family="spatial",
    scope="family",
    description="Parts are displaced, repeated, covered or coarse: shifted pixels, patches, blocks.",
    weights=bundled("spatial"),
)
