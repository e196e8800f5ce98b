"""White noise, then denoised, KADID-10k type 15: variance of the noise 0.01, 0.03, 0.05, 0.1, 0.15.

KADID-10k used MATLAB's DnCNN, a network trained for deviations up to 55/255 and applied to each channel. Here the
denoiser is classical and drawn from those in common use (shrinkage of wavelets or of block cosine transforms,
bilateral, guided and Wiener filters, median, blur), mostly one that keeps edges. Where the noise is beyond what DnCNN
was trained for, it is taken for little more than that, mostly: part of it then stays, as it does in the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins import _denoisers
from dheads_plugins._bundled import bundled
from dheads_plugins._noise import add_clipped, channel_noise
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

VARIANCE = (0.01, 0.03, 0.05, 0.1, 0.15)
DNCNN_DEVIATION = 55.0 / 255.0

METHODS = (
    (_denoisers.wavelet, 0.30),
    (_denoisers.cosine, 0.27),
    (_denoisers.bilateral, 0.20),
    (_denoisers.guided, 0.13),
    (_denoisers.median, 0.06),
    (_denoisers.gaussian, 0.04),
)

# Rows: luminance and two chrominances; orthonormal, so that the noise stays white and as strong.
OPPONENT = (np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.array([[3], [2], [6]]) ** 0.5).astype(np.float32)


def parameters(severity: float) -> Mapping[str, float]:
    """Variance of the noise that was taken away."""
    return {"variance": at_severity(VARIANCE, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Add noise and denoise: each channel on its own mostly, else luminance, and chrominance harder."""
    height, width, _ = image.shape
    deviation = parameters(severity)["variance"] ** 0.5
    correlation = 1.0 if rng.random() < 0.15 else 0.0
    noisy = add_clipped(image, np.float32(deviation) * channel_noise(rng, height, width, correlation))
    assumed = min(deviation, DNCNN_DEVIATION * rng.uniform(0.9, 1.3)) if rng.random() < 0.7 else deviation
    clean = _denoise(noisy, assumed, rng)
    return np.clip(clean, 0.0, 1.0).astype(np.float32, copy=False)


def _denoise(image: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Denoise (H, W, 3) in RGB or in an opponent colour space by a method drawn from `METHODS`."""
    method = METHODS[int(rng.choice(len(METHODS), p=[share for _, share in METHODS]))][0]
    if rng.random() < 0.65:
        planes = method(np.ascontiguousarray(image.transpose(2, 0, 1)), sigma, rng)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    opponent = np.ascontiguousarray((image @ OPPONENT.T).transpose(2, 0, 1))
    luminance = method(opponent[:1], sigma, rng)
    chrominance = method(opponent[1:], sigma * rng.uniform(1.0, 2.0), rng)
    return np.concatenate([luminance, chrominance]).transpose(1, 2, 0) @ OPPONENT


HEAD = HeadSpec(
    label="denoise",
    title="Denoising",
    family="noise",
    description="Noise taken away by a filter: flat patches, smeared texture, faint blotches left over.",
    weights=bundled("denoise"),
    synthesize=synthesize,
    parameters=parameters,
    stage="processing",
    source="KADID-10k type 15 (Lin, Hosu, Saupe 2019)",
)
