"""Pink noise: additive Gaussian noise with an amplitude spectrum that falls as 1/f (Lai, Chu, Leng; CSIQ).

No variances are published with it, so these are chosen: 0.001, 0.002, 0.0035, 0.006, 0.012, close to those of white
noise, since the fine grain that the eye misses in pink noise is made up for by clouds that it cannot overlook.
A 1/f field has equal power in every octave, so its variance grows with the picture; the variance here is that of a
512x384 picture, and any other picture gets noise of the same spectral density per pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._noise import add_clipped, channel_noise, draw_correlation
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

VARIANCE = (0.001, 0.002, 0.0035, 0.006, 0.012)
EXPONENTS = (1.0, 0.75, 0.5)  # of the amplitude; 0.5 is 1/f in power, which some programs call pink
REFERENCE = (384, 512)


def parameters(severity: float) -> Mapping[str, float]:
    """Variance of every channel before clipping, in a 512x384 picture."""
    return {"variance": at_severity(VARIANCE, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Add the noise, independent per channel mostly, 1/f in amplitude mostly."""
    height, width, _ = image.shape
    exponent = EXPONENTS[int(rng.choice(3, p=(0.7, 0.15, 0.15)))]
    deviation = parameters(severity)["variance"] ** 0.5
    return add_clipped(image, _coloured(rng, height, width, exponent, deviation))


def _coloured(rng: np.random.Generator, height: int, width: int, exponent: float, deviation: float) -> FloatImage:
    """White noise filtered by f^-exponent, (height, width, 1 or 3)."""
    from scipy.fft import irfft2, next_fast_len, rfft2

    rows, columns = next_fast_len(height, real=True), next_fast_len(width, real=True)
    white = channel_noise(rng, rows, columns, draw_correlation(rng)).transpose(2, 0, 1)
    gain = np.float32(deviation / _reference_deviation(exponent)) * _spectrum(rows, columns, exponent)
    field = irfft2(rfft2(white) * gain, s=(rows, columns))
    return np.ascontiguousarray(field[:, :height, :width].transpose(1, 2, 0), dtype=np.float32)


def _spectrum(rows: int, columns: int, exponent: float) -> FloatImage:
    """Amplitude f^-exponent, f in cycles per pixel, on the grid of `rfft2`; 0 at f = 0."""
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)).astype(np.float32)
    frequency[0, 0] = np.inf
    return np.asarray(frequency ** np.float32(-exponent), np.float32)


@lru_cache(maxsize=len(EXPONENTS))
def _reference_deviation(exponent: float) -> float:
    """Standard deviation that filtering by f^-exponent gives unit white noise at the reference size (Parseval)."""
    rows, columns = REFERENCE
    power = _spectrum(rows, columns, exponent) ** 2
    twice = power[:, 1:-1].sum(dtype=np.float64)  # rfft2 keeps one of each pair of conjugate columns
    return float(np.sqrt((twice + power.sum(dtype=np.float64)) / (rows * columns)))


HEAD = HeadSpec(
    label="pink_noise",
    title="Pink noise",
    family="noise",
    description="Cloudy random noise, as much of it in coarse blotches as in fine grain.",
    weights=bundled("pink_noise"),
    synthesize=synthesize,
    parameters=parameters,
    source="Lai, Chu, Leng: quality-aware pre-training; CSIQ (Larson, Chandler 2010)",
)
