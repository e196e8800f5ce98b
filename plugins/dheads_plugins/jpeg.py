"""JPEG compression, KADID-10k type 10: quality 43, 36, 24, 7, 4 on the scale of the Independent JPEG Group.

Chroma is mostly halved both ways (4:2:0), the default of libjpeg and so of most programs; 4:2:2 and 4:4:4 occur too, as
do progressive files and optimised Huffman tables, which change the bytes but no pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._codec import decode, to_pillow
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

QUALITY = (43.0, 36.0, 24.0, 7.0, 4.0)
SUBSAMPLINGS = ("4:2:0", "4:4:4", "4:2:2")
SUBSAMPLING_ODDS = (0.6, 0.25, 0.15)
PROGRESSIVE_ODDS, OPTIMIZE_ODDS = 0.15, 0.25


def parameters(severity: float) -> Mapping[str, float]:
    """Quality factor, a whole number in [1, 100]."""
    return {"quality": float(round(at_severity(QUALITY, severity)))}


def encode(image: FloatImage, severity: float, rng: np.random.Generator) -> tuple[bytes, str]:
    """Write a JFIF file; returns its bytes and suffix."""
    buffer = BytesIO()
    to_pillow(image).save(
        buffer,
        "JPEG",
        quality=int(parameters(severity)["quality"]),
        subsampling=str(rng.choice(SUBSAMPLINGS, p=SUBSAMPLING_ODDS)),
        progressive=bool(rng.random() < PROGRESSIVE_ODDS),
        optimize=bool(rng.random() < OPTIMIZE_ODDS),
    )
    return buffer.getvalue(), ".jpg"


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Compress and decompress; chroma subsampling varies."""
    return decode(encode(image, severity, rng)[0])


HEAD = HeadSpec(
    label="jpeg",
    title="JPEG compression",
    family="compression",
    description="Blocks of 8x8 pixels, ringing along edges and coarse colour from strong JPEG compression.",
    weights=bundled("jpeg"),
    synthesize=synthesize,
    parameters=parameters,
    encode=encode,
    source="KADID-10k type 10 (Lin, Hosu, Saupe 2019); ITU-T T.81",
)
