"""The family compression: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="compression",
    title="Compression",
    family="compression",
    scope="family",
    makes=makes_of(
        "codecs",
        "compression",
        jpeg_plain="JPEG once more, of a quality between those of the levels.",
        jpeg_table="JPEG with a table of quantisation of another program, flat or steep.",
        jpeg_twice="JPEG, its grid of blocks moved by a few pixels, and JPEG of a good quality again.",
        jpeg_reduced="JPEG of an enlarged picture, reduced afterwards: blocks that are no longer of eight pixels.",
        webp="WebP: smeared texture, blocks of four and sixteen pixels.",
        avif="AVIF: texture smoothed away, directional smears.",
        h264="A frame of H.264 video, a key frame or a later one.",
        hevc="HEVC intra, as HEIF pictures have it.",
        mpeg="A frame of MPEG-2 or MPEG-4 video: blocks as JPEG has them, with other tables.",
    ),
    description="A codec has left its traces: blocks, ringing, smeared detail.",
    weights=bundled("compression"),
    view="full",
)
