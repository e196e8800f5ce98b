"""The family noise: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="noise",
    title="Noise",
    family="noise",
    scope="family",
    makes=makes_of(
        "sensor",
        "sensor",
        camera="High ISO: sensor, demosaicing and the camera's own cleaning.",
        raw_camera="High ISO, developed without any cleaning.",
        film_grain="Clumps of silver: noise of a pixel or two in size, strongest in the middle tones.",
        chroma_noise="Coloured blotches: noise of a few pixels in size that leaves the luma alone.",
        banding="Rows or columns with an offset of their own, beside some white noise.",
        strong="White noise until the picture is nearly lost, per channel or alike in all.",
        shot_noise="Poisson counts of encoded values, as many libraries make it.",
        salt_or_pepper="White, black or both, of single channels or of whole pixels, up to four in ten.",
        speckle="Noise in proportion to the value, up to the value itself.",
    ),
    description="Grain that the scene does not have, of a sensor, film or transmission, or what a denoiser left of it.",
    weights=bundled("noise"),
)
