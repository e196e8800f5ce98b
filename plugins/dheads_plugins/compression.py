"""The family compression: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="compression",
    title="Compression",
    family="compression",
    scope="family",
    description="A codec has left its traces: blocks, ringing, smeared detail.",
    weights=bundled("compression"),
)
