"""Exposure as a camera errs, with clipping before the tone curve; and light that falls unevenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._fields import Floats, enlarge, fractal_noise, grid, normalised, raster
from distortion_heads.synthesis.camera import develop
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

OVER = (0.7, 1.2, 1.8, 2.5, 3.4)
UNDER = (1.0, 1.7, 2.5, 3.4, 4.5)
"""Stops of linear light."""

DEPTH = (0.35, 0.5, 0.65, 0.78, 0.9)
"""Share of the light that is lost in the darkest place."""


def _tone(image: Floats, contrast: float) -> Floats:
    """A camera's curve: an S about the middle, from a straight line (0) to a steep one (1)."""
    bent = image * image * (3 - 2 * image)
    return image + np.float32(contrast) * (bent - image)


def overexposed(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Too much light: clipped on the sensor, then the camera's curve."""
    light = to_linear(image) * np.float32(2 ** at_severity(OVER, severity))
    knee = np.float32(rng.uniform(0.7, 1.0))
    rolled = np.where(
        light < knee, light, knee + (1 - knee) * (1 - np.exp(-np.maximum(light - knee, 0) / max(1 - knee, 1e-3)))
    )
    return clip01(_tone(clip01(to_encoded(np.minimum(rolled, 1))), rng.uniform(0.0, 0.7)))


def underexposed(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Too little light, without further noise: dark, contrast kept or crushed by the curve."""
    light = to_linear(image) * np.float32(2 ** -at_severity(UNDER, severity))
    return clip01(_tone(clip01(to_encoded(light)), rng.uniform(0.0, 0.9)))


def low_light(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Too little light, and the sensor's noise that comes with it, as in a dark room."""
    light = to_linear(image) * np.float32(2 ** -(at_severity(UNDER, severity) * 0.9))
    warm = np.array([rng.uniform(1.0, 1.25), 1.0, rng.uniform(0.7, 1.0)], np.float32)
    return develop(clip01(to_encoded(clip01(light * warm))), rng.uniform(0.0002, 0.003), rng)


def gamma(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A wrong curve: dark parts lifted or pressed down."""
    power = at_severity((1.35, 1.6, 2.0, 2.6, 3.5), severity)
    return clip01(image ** np.float32(power if rng.random() < 0.5 else 1 / power))


def shifted_tones(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """All values are raised or lowered by the same amount, or multiplied, as programs change brightness."""
    step = at_severity((0.08, 0.15, 0.24, 0.34, 0.48), severity)
    up = rng.random() < 0.5
    if rng.random() < 0.5:
        return clip01(image + np.float32(step if up else -step))
    return clip01(image * np.float32(1 / max(1 - 1.4 * step, 0.3) if up else max(1 - 1.7 * step, 0.12)))


def raised_value(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The brightest channel of each pixel is raised, the hue kept: colours pale towards white."""
    step = np.float32(at_severity((0.1, 0.2, 0.3, 0.42, 0.55), severity))
    value = image.max(2, keepdims=True)
    raised = np.minimum(value + step, 1)
    return clip01(image * (raised / np.maximum(value, np.float32(1e-3))))


def wrong_contrast(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Contrast about the middle is raised until both ends clip, or lowered until the picture is flat."""
    if rng.random() < 0.5:
        factor = at_severity((1.35, 1.7, 2.2, 3.0, 4.5), severity)
    else:
        factor = at_severity((0.75, 0.6, 0.45, 0.32, 0.2), severity)
    middle = np.float32(image.mean() if rng.random() < 0.5 else 0.5)
    return clip01(middle + np.float32(factor) * (image - middle))


def _lit(image: FloatImage, light: Floats, rng: np.random.Generator) -> FloatImage:
    """Multiply by `light` in [0, 1], in encoded values or in linear light."""
    light = light[..., None]
    if rng.random() < 0.5:
        return clip01(image * light)
    return clip01(to_encoded(to_linear(image) * light ** np.float32(2.2)))


def _shade(image: FloatImage, field: Floats, severity: float, rng: np.random.Generator) -> FloatImage:
    shape = (image.shape[0], image.shape[1])
    dark = np.clip(enlarge(field.astype(np.float32), shape), 0, 1)
    lift = np.float32(rng.uniform(1.0, 1.3))
    return _lit(image, lift * (1 - np.float32(at_severity(DEPTH, severity)) * dark), rng)


def gradient(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Light from one side: a straight ramp across the picture, in any direction."""
    y, x = grid(raster((image.shape[0], image.shape[1])))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = normalised(y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle)))
    return _shade(image, ramp ** np.float32(rng.uniform(0.6, 1.6)), severity, rng)


def side_light(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Light that falls in from one side and is added to the scene's, as through a window or from a lamp's flare."""
    y, x = grid((image.shape[0], image.shape[1]))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = normalised(y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle))) ** np.float32(
        rng.uniform(0.8, 2.0)
    )
    added = np.float32(at_severity((0.12, 0.2, 0.3, 0.42, 0.6), severity)) * ramp[..., None]
    return clip01(image + (added if rng.random() < 0.7 else -added))


def spot(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A lamp's spot, and darkness around it."""
    y, x = grid(raster((image.shape[0], image.shape[1])))
    centre = rng.uniform(-0.7, 0.7, 2).astype(np.float32)
    squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    return _shade(image, 1 - np.exp(-squared / np.float32(2 * rng.uniform(0.35, 0.8) ** 2)), severity, rng)


def cast_shadow(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Part of the picture lies in a shadow with a soft edge."""
    small = raster((image.shape[0], image.shape[1]))
    y, x = grid(small)
    angle = rng.uniform(0, 2 * np.pi)
    along = y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle))
    waves = fractal_noise(small, rng, cells=1.5, octaves=2, persistence=0.4) - np.float32(0.5)
    wavy = along + np.float32(0.6) * waves
    edge = np.float32(rng.uniform(2.0, 12.0))
    return _shade(image, 0.5 + 0.5 * np.tanh(edge * (wavy - np.float32(rng.uniform(-0.4, 0.4)))), severity, rng)


def added_light(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Light in a corner, along a side or in one place is added to the scene's, or missing there."""
    y, x = grid((image.shape[0], image.shape[1]))
    centre = rng.choice([-1.0, 0.0, 1.0], 2) if rng.random() < 0.5 else rng.uniform(-0.8, 0.8, 2)
    width = np.float32(rng.uniform(0.4, 1.3))
    distance = np.hypot(y - np.float32(centre[0]), x - np.float32(centre[1]))
    field = np.exp(-0.5 * (distance / width) ** 2) if rng.random() < 0.6 else np.clip(1 - distance / (2 * width), 0, 1)
    added = np.float32(at_severity((0.12, 0.2, 0.3, 0.42, 0.6), severity)) * field[..., None]
    return clip01(image + (added if rng.random() < 0.6 else -added))


def torn_shadow(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Shadows of leaves or clouds: patches of any shape, a third to two thirds of the picture."""
    small = raster((image.shape[0], image.shape[1]))
    noise = fractal_noise(small, rng, cells=rng.uniform(1.0, 3.5), octaves=4, persistence=rng.uniform(0.35, 0.6))
    level = np.float32(np.quantile(noise, rng.uniform(0.35, 0.65)))
    return _shade(image, 0.5 + 0.5 * np.tanh(np.float32(rng.uniform(6, 40)) * (noise - level)), severity, rng)


def endoscope(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The light sits beside the lens: bright in the middle, falling off with the square of the distance."""
    y, x = grid(raster((image.shape[0], image.shape[1])))
    centre = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
    squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    return _shade(image, normalised(1 - 1 / (1 + np.float32(rng.uniform(1.0, 3.0)) * squared)), severity, rng)
