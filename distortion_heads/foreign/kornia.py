"""kornia: filters, enhancements and augmentations at fixed settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, draw_seed, operator


def operators() -> Iterator[ForeignOperator]:
    """Yield them. Raises `ModuleNotFoundError`."""
    from kornia import augmentation, enhance, filters

    for name, family, step in (
        *_filters(filters),
        *_noise_and_light(augmentation),
        *_enhancements(augmentation, enhance),
    ):
        yield operator("kornia", name, family, partial(run_in_torch, step=step))


def run_in_torch(pixels: Pixels, level: Level, step: Callable[[Level], Callable[[Any], Any]]) -> Any:
    """Return what `step(level)` makes of the picture as a tensor float32 (1, 3, H, W) in [0, 1]."""
    import torch

    with torch.random.fork_rng(devices=()), torch.inference_mode():
        torch.manual_seed(draw_seed())
        made = step(level)(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255)
    return made[0].permute(1, 2, 0).numpy().astype(np.float64)


def _filters(filters: Any) -> Iterator[tuple[str, str, Any]]:
    def gaussian(level: Level) -> Any:
        return partial(filters.gaussian_blur2d, kernel_size=(25, 25), sigma=((1.6, 1.6), (4.0, 4.0))[level])

    yield "gaussian", "blur", gaussian
    yield "box", "blur", lambda s: partial(filters.box_blur, kernel_size=(5, 13)[s])
    yield "motion", "blur", lambda s: partial(filters.motion_blur, kernel_size=(9, 21)[s], angle=40.0, direction=0.0)


def _noise_and_light(augmentation: Any) -> Iterator[tuple[str, str, Any]]:
    def always(name: str, **settings: tuple[Any, Any]) -> Callable[[Level], Any]:
        return lambda s: getattr(augmentation, name)(p=1.0, **{key: pair[s] for key, pair in settings.items()})

    gain = ((0.3, 0.31), (0.6, 0.61))
    yield "noise", "noise", always("RandomGaussianNoise", std=(0.06, 0.15))
    yield "salt_pepper", "noise", always("RandomSaltAndPepperNoise", amount=((0.01, 0.011), (0.06, 0.061)))
    yield "linear_light", "light", always("RandomLinearIllumination", gain=gain)
    yield "corner_light", "light", always("RandomLinearCornerIllumination", gain=gain)
    yield "spot_light", "light", always("RandomGaussianIllumination", gain=gain)
    shadow = ((-0.3, -0.29), (-0.55, -0.54))
    yield "shadow", "light", always("RandomPlasmaShadow", shade_intensity=shadow, shade_quantity=((0.4, 0.5),) * 2)
    quality = ((18, 18.1), (6, 6.1))
    yield "jpeg", "compression", always("RandomJPEG", jpeg_quality=quality)


def _enhancements(augmentation: Any, enhance: Any) -> Iterator[tuple[str, str, Any]]:
    def jigsaw(level: Level) -> Any:
        grid = ((6, 6), (10, 10))[level]
        return lambda x: _keep_rest(x, augmentation.RandomJigsaw(grid=grid, p=1.0, ensure_perm=True), grid)

    yield "too_dark", "exposure", lambda s: partial(enhance.adjust_brightness, factor=(-0.25, -0.45)[s])
    yield "too_bright", "exposure", lambda s: partial(enhance.adjust_brightness, factor=(0.25, 0.45)[s])
    yield "hue", "color", lambda s: partial(enhance.adjust_hue, factor=(1.5, 2.5)[s])
    yield "saturation", "color", lambda s: partial(enhance.adjust_saturation, factor=(2.2, 4.5)[s])
    yield "posterize", "color", lambda s: partial(enhance.posterize, bits=(3, 2)[s])
    yield "sharpness", "sharpness", lambda s: partial(enhance.sharpness, factor=(4.0, 9.0)[s])
    yield "jigsaw", "spatial", jigsaw


def _keep_rest(x: Any, augment: Any, grid: tuple[int, int]) -> Any:
    """Apply `augment` to the largest part that the grid divides."""
    height, width = x.shape[-2] // grid[0] * grid[0], x.shape[-1] // grid[1] * grid[1]
    made = x.clone()
    made[..., :height, :width] = augment(x[..., :height, :width])
    return made
