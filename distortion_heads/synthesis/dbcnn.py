"""The nine distortions of DB-CNN (Zhang, Ma, Yan, Deng, Wang 2020) at its levels, which Lai, Chu, Leng pre-train on.

They bear the labels of this project's kinds; parameters that mean something else than there have another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.io.float_images import to_uint8
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.afterwards import Pixels, stored
from distortion_heads.synthesis.plain import jpeg2000, noise, operator_spec
from distortion_heads.synthesis.tone import Floats, clip01

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FIELD = 512
"""Side of the field of pink noise, which is then resized to the picture."""

CLIPPED = (1.0, 99.0)
"""Percentiles of each channel that become 0 and 1 before its contrast falls."""


def blur(image: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Blur with a Gaussian that ends at three deviations, on a picture mirrored at its borders."""
    from scipy.ndimage import gaussian_filter

    radius = round(3 * sigma - 0.5)
    return clip01(gaussian_filter(image, (sigma, sigma, 0), mode="reflect", truncate=radius / sigma))


def jpeg(image: FloatImage, quality: float, rng: np.random.Generator) -> FloatImage:
    """Store as JPEG with colours of half the size; the quality 0 is the coarsest that there is."""
    return _back(stored(to_uint8(image), "JPEG", quality=max(round(quality), 1), subsampling=2))


def contrast(image: FloatImage, low: float, rng: np.random.Generator) -> FloatImage:
    """Stretch each channel, then squeeze it to between `low` and 1 - `low`."""
    least, most = np.percentile(image, CLIPPED, axis=(0, 1)).astype(np.float32)
    stretched = clip01((image - least) / np.maximum(most - least, np.float32(1e-6)))
    return clip01(np.float32(low) + np.float32(1 - 2 * low) * stretched)


def pink_noise(image: FloatImage, weight: float, rng: np.random.Generator) -> FloatImage:
    """Add to each channel noise whose amplitude falls as 1/f and nowhere exceeds `weight`."""
    from PIL import Image
    from scipy.fft import irfft2, rfft2

    frequency = np.hypot(np.fft.fftfreq(FIELD)[:, None], np.fft.rfftfreq(FIELD)).astype(np.float32)
    frequency[0, 0] = np.inf
    size = (image.shape[1], image.shape[0])
    planes: list[Floats] = []
    for _ in range(3):
        field = irfft2(rfft2(rng.standard_normal((FIELD, FIELD), np.float32)) / frequency, s=(FIELD, FIELD))
        field = (field / np.abs(field).max()).astype(np.float32)
        planes.append(np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BICUBIC), np.float32))
    return clip01(image + np.float32(weight) * np.stack(planes, axis=-1))


def few_colors(image: FloatImage, colors: float, rng: np.random.Generator) -> FloatImage:
    """Reduce to a palette made for the picture; the error is diffused (Floyd, Steinberg 1976)."""
    from PIL import Image

    pixels = Image.fromarray(to_uint8(image))
    palette = pixels.quantize(round(colors), method=Image.Quantize.MEDIANCUT, kmeans=1)
    reduced = pixels.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return _back(np.asarray(reduced.convert("RGB")))


def shift(image: FloatImage, amount: float, rng: np.random.Generator) -> FloatImage:
    """Add the same to all values and clip."""
    return clip01(image + np.float32(amount))


def _back(pixels: Pixels) -> FloatImage:
    return pixels.astype(np.float32) / np.float32(255)


BLUR = tuple(side / 6 for side in (7.0, 15.0, 39.0, 91.0, 199.0))
VARIANCE = (2**-10, 2**-7.5, 2**-5.5, 2**-3.5, 1.0)
RATIO = tuple(24 / bits for bits in (0.46, 0.16, 0.07, 0.04, 0.02))
SHIFT = (0.15, 0.30, 0.45, 0.60, 0.75)

EVERY, TWO = (1.0, 2.0, 3.0, 4.0, 5.0), (2.0, 4.0)
LEVELS: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(
        ("gaussian_blur", "white_noise", "jpeg", "jpeg2000", "contrast_change", "pink_noise", "color_quantization"),
        EVERY,
    ),
    # Two of the five are used; which is not said.
    **dict.fromkeys(("over_exposure", "under_exposure"), TWO),
}
"""The levels of each distortion: 39 classes together."""


def dbcnn_specs() -> tuple[HeadSpec, ...]:
    """Return the nine, in the order of `LEVELS`; severity is the level."""
    level_spec = partial(operator_spec, log=False)
    return (
        level_spec("gaussian_blur", "blur", blur, "sigma", BLUR),
        level_spec("white_noise", "noise", noise, "variance", VARIANCE),
        level_spec("jpeg", "compression", jpeg, "quality", (43.0, 12.0, 7.0, 4.0, 0.0)),
        level_spec("jpeg2000", "compression", jpeg2000, "ratio", RATIO),
        level_spec("contrast_change", "exposure", contrast, "low", (0.2, 0.3, 0.4, 0.45, 0.49)),
        level_spec("pink_noise", "noise", pink_noise, "weight", (0.3, 0.7, 1.2, 2.0, 4.0)),
        level_spec("color_quantization", "color", few_colors, "colors", (64.0, 32.0, 16.0, 8.0, 4.0)),
        level_spec("over_exposure", "exposure", shift, "shift", SHIFT, stage="sensor"),
        level_spec("under_exposure", "exposure", shift, "shift", tuple(-value for value in SHIFT), stage="sensor"),
    )
