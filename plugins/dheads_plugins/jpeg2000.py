"""JPEG 2000 compression, KADID-10k type 09: ratio 16, 32, 45, 120, 400 of raw to compressed bytes.

The ratio holds from KADID's 512x384 pixels on. In a smaller picture the file's fixed headers would take most of a high
ratio's few bytes, so they are paid for in proportion, and a crop is left as many bytes a pixel as the whole picture.
Most pictures take the irreversible 9/7 wavelet, some the reversible 5/3; levels of decomposition vary, tiles occur.
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

RATIO = (16.0, 32.0, 45.0, 120.0, 400.0)
KADID_PIXELS = 512 * 384
HEADER_BYTES = 250  # boxes, main header and empty packet headers of an OpenJPEG file of three components
REVERSIBLE_ODDS, TILE_ODDS = 0.2, 0.08
TILE_SIDE = 256
RESOLUTIONS = (6, 5, 4)
RESOLUTION_ODDS = (0.6, 0.3, 0.1)


def parameters(severity: float) -> Mapping[str, float]:
    """Bytes of the raw 24-bit picture over bytes of the file."""
    return {"ratio": at_severity(RATIO, severity, log=True)}


def file_ratio(pixels: int, ratio: float) -> float:
    """The ratio to ask of a picture of `pixels` for the bytes a pixel that `ratio` leaves in KADID's pictures."""
    raw = 3 * pixels
    return raw / (raw / ratio + HEADER_BYTES * max(0.0, 1 - pixels / KADID_PIXELS))


def encode(image: FloatImage, severity: float, rng: np.random.Generator) -> tuple[bytes, str]:
    """Write a JP2 file; returns its bytes and suffix."""
    buffer = BytesIO()
    height, width = image.shape[:2]
    tiled = rng.random() < TILE_ODDS and max(height, width) > TILE_SIDE
    to_pillow(image).save(
        buffer,
        "JPEG2000",
        quality_mode="rates",
        quality_layers=[file_ratio(height * width, parameters(severity)["ratio"])],
        irreversible=bool(rng.random() >= REVERSIBLE_ODDS),
        num_resolutions=int(rng.choice(RESOLUTIONS, p=RESOLUTION_ODDS)),
        tile_size=(TILE_SIDE, TILE_SIDE) if tiled else None,
    )
    return buffer.getvalue(), ".jp2"


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Compress and decompress; wavelet, levels of decomposition and tiling vary."""
    return decode(encode(image, severity, rng)[0])


HEAD = HeadSpec(
    label="jpeg2000",
    title="JPEG 2000 compression",
    family="compression",
    description="Smeared texture and ringing along edges, without blocks, from strong wavelet compression.",
    weights=bundled("jpeg2000"),
    synthesize=synthesize,
    parameters=parameters,
    encode=encode,
    source="KADID-10k type 09 (Lin, Hosu, Saupe 2019); ITU-T T.800",
)
