"""The family spatial: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="spatial",
    title="Spatial",
    family="spatial",
    scope="family",
    makes=makes_of(
        "places",
        "processing",
        tiles="The picture is cut into tiles like a puzzle, and some of them change places.",
        torn_rows="Bands of rows are displaced sideways, as by a lost sync.",
        coarse="A mosaic: reduced and enlarged without smoothing.",
        covered="Rectangles of one colour lie on the picture, or their content is lost.",
        lost_blocks="Runs of blocks are lost in transmission.",
    ),
    description="Parts are displaced, repeated, covered or coarse: shifted pixels, patches, blocks.",
    weights=bundled("spatial"),
    view="full",
)
