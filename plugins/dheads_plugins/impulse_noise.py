"""Salt-and-pepper noise, KADID-10k type 13: density 0.001, 0.005, 0.01, 0.02, 0.03 of all samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

DENSITY = (0.001, 0.005, 0.01, 0.02, 0.03)


def parameters(severity: float) -> Mapping[str, float]:
    """Share of the samples (or of the pixels, where all channels are hit together) that are replaced."""
    return {"density": at_severity(DENSITY, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Replace samples, each channel on its own mostly (MATLAB's imnoise), else whole pixels; at least one.

    The impulses are 0 or 1 in equal shares mostly; sometimes in unequal shares, sometimes of random value.
    """
    density = parameters(severity)["density"]
    noisy = image.copy()
    # Drawn before what depends on the severity, so that one seed gives one kind at every severity.
    whole_pixels, salt = rng.random() < 0.3, _draw_salt(rng)
    samples = noisy.reshape(-1, 3 if whole_pixels else 1)
    count = max(1, int(rng.binomial(len(samples), density)))
    where = rng.choice(len(samples), count, replace=False, shuffle=False)
    samples[where] = _impulses(rng, salt, count, samples.shape[1])
    return noisy


def _draw_salt(rng: np.random.Generator) -> float | None:
    """Share of the impulses that are 1, the others being 0; None where they have random values."""
    kind, unequal = rng.random(), float(rng.uniform(0.2, 0.8))
    if kind < 0.1:
        return None
    return 0.5 if kind < 0.85 else unequal


def _impulses(rng: np.random.Generator, salt: float | None, count: int, channels: int) -> FloatImage:
    """Values of the impulses, (count, 1) or, of random colour, (count, channels)."""
    if salt is None:
        return rng.random((count, channels), dtype=np.float32)
    return (rng.random((count, 1)) < salt).astype(np.float32)


HEAD = HeadSpec(
    label="impulse_noise",
    title="Impulse noise",
    family="noise",
    description="Single samples replaced by black or white (salt and pepper), as by bit errors or dead pixels.",
    weights=bundled("impulse_noise"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 13 (Lin, Hosu, Saupe 2019)",
)
