"""scikit-image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, draw_seed, operator


def operators() -> Iterator[ForeignOperator]:
    """Yield them. Raises `ModuleNotFoundError`."""
    import skimage.util as util
    from skimage import color, exposure, filters

    def noise(pixels: Pixels, level: Level, mode: str, **settings: tuple[float, float]) -> Any:
        chosen = {name: pair[level] for name, pair in settings.items()}
        return util.random_noise(pixels, mode=mode, rng=np.random.default_rng(draw_seed()), **chosen)

    def unsharp(pixels: Pixels, level: Level) -> Any:
        radius, amount = (1.5, 2.0)[level], (2.0, 4.5)[level]
        channels = [filters.unsharp_mask(pixels[..., i], radius=radius, amount=amount) for i in range(3)]
        return np.stack(channels, axis=-1)  # its channel_axis returns unset memory in scikit-image 0.26

    def in_lab(pixels: Pixels, level: Level) -> Any:
        """Shift towards green and blue."""
        return color.lab2rgb(color.rgb2lab(pixels) + np.array([0.0, -1.0, -1.0]) * (14, 34)[level])

    make = partial(operator, "skimage")
    yield make("gaussian_noise", "noise", partial(noise, mode="gaussian", var=(0.004, 0.02)))
    yield make("salt_pepper", "noise", partial(noise, mode="s&p", amount=(0.01, 0.06)))
    yield make("pepper", "noise", partial(noise, mode="pepper", amount=(0.01, 0.06)))
    yield make("speckle", "noise", partial(noise, mode="speckle", var=(0.03, 0.12)))
    yield make("localvar", "noise", partial(_local_noise, util))
    yield make("gaussian", "blur", lambda p, s: filters.gaussian(p, (1.5, 3.5)[s], channel_axis=-1))
    yield make("too_dark", "exposure", lambda p, s: exposure.adjust_gamma(p / 255, (2.2, 3.5)[s]))
    yield make("too_bright", "exposure", lambda p, s: exposure.adjust_gamma(p / 255, (0.45, 0.28)[s]))
    yield make("unsharp", "sharpness", unsharp)
    yield make("lab_shift", "color", in_lab)


def _local_noise(util: Any, pixels: Pixels, level: Level) -> Any:
    """Noise that is stronger where it is bright, as a sensor's."""
    variance = (0.001, 0.005)[level] + (0.008, 0.04)[level] * pixels / 255
    rng = np.random.default_rng(draw_seed())
    return util.random_noise(pixels, mode="localvar", local_vars=variance, rng=rng)
