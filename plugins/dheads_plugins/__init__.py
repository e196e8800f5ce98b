"""The built-in heads: one module per distortion and per family, its weights beside it under `weights/`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from distortion_heads.hookspecs import hookimpl
from distortion_heads.spec import HeadSpec

FAMILIES = (
    "atmosphere",
    "blur",
    "color",
    "compression",
    "exposure",
    "light",
    "noise",
    "sharpness",
    "spatial",
)

MODULES = (
    "brighten",
    "chromatic_aberration",
    "color_block",
    "color_diffusion",
    "color_dithering",
    "color_quantization",
    "color_saturation_hsv",
    "color_saturation_lab",
    "color_shift",
    "contrast_change",
    "darken",
    "denoise",
    "flicker",
    "frozen_frames",
    "gaussian_blur",
    "high_sharpen",
    "impulse_noise",
    "jitter",
    "jpeg",
    "jpeg2000",
    "lens_blur",
    "mean_shift",
    "motion_blur",
    "multiplicative_noise",
    "non_eccentricity_patch",
    "over_exposure",
    "pink_noise",
    "pixelate",
    "quantization",
    "smoke",
    "under_exposure",
    "uneven_illumination",
    "vignetting",
    "white_noise",
    "white_noise_ycbcr",
)

QUALITIES = ("quality",)


@hookimpl
def dheads_heads() -> Iterable[HeadSpec]:
    """Import each distortion's module only now: `dheads --help` needs none of them."""
    from importlib import import_module

    from dheads_plugins._mistaken import mistaken_for
    from dheads_plugins._remedies import REMEDIES

    taken_for = mistaken_for()
    for name in (*FAMILIES, *MODULES, *QUALITIES):
        head: HeadSpec = import_module(f"{__name__}.{name}").HEAD
        yield replace(head, remedy=REMEDIES[head.label], mistaken_for=taken_for.get(head.label))
