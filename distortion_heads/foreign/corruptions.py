"""imagecorruptions (ImageNet-C): its severities 2 and 4."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, draw_seed, operator

# not contrast, frost, snow, spatter and elastic_transform, which are of no family; nor glass_blur, which is too slow
CORRUPTIONS = {
    "gaussian_noise": "noise",
    "shot_noise": "noise",
    "impulse_noise": "noise",
    "speckle_noise": "noise",
    "gaussian_blur": "blur",
    "defocus_blur": "blur",
    "motion_blur": "blur",
    "zoom_blur": "blur",
    "jpeg_compression": "compression",
    "pixelate": "spatial",
    "fog": "atmosphere",
    "brightness": "exposure",
    "saturate": "color",
}
SEVERITIES = {"saturate": (1, 4), "pixelate": (3, 5)}
"""Others than 2 and 4: saturate 1 pales, 4 is garish, 2 would be a gray picture; blocks of 2 pixels are hard to see."""


def operators() -> Iterator[ForeignOperator]:
    """Yield them. Raises `ModuleNotFoundError`."""
    corrupt = _load()

    def apply(pixels: Pixels, level: Level, name: str) -> Pixels:
        side = max(pixels.shape[:2])  # some of its operators want squares
        padded = np.pad(pixels, ((0, side - pixels.shape[0]), (0, side - pixels.shape[1]), (0, 0)), mode="reflect")
        made = corrupt(padded, corruption_name=name, severity=SEVERITIES.get(name, (2, 4))[level])
        return np.asarray(made[: pixels.shape[0], : pixels.shape[1]], np.uint8)

    for name, family in CORRUPTIONS.items():
        yield operator("imagecorruptions", name, family, partial(apply, name=name))


def _load() -> Any:
    """Return its `corrupt`, working with the NumPy and scikit-image of today: only its own module is touched."""
    with _old_names():
        import imagecorruptions
        from imagecorruptions import corruptions
    import skimage.util as util
    from skimage import color
    from skimage.filters import gaussian

    def seeded_noise(image: Any, **settings: Any) -> Any:
        return util.random_noise(image, rng=draw_seed(), **settings)

    def old_gaussian(image: Any, sigma: float, multichannel: bool = False) -> Any:
        return gaussian(image, sigma=sigma, channel_axis=-1 if multichannel else None)

    corruptions.gaussian = old_gaussian
    corruptions.sk = SimpleNamespace(color=color, util=SimpleNamespace(random_noise=seeded_noise))
    corruptions.np = SimpleNamespace(**{**vars(np), "float_": np.float64})
    return imagecorruptions.corrupt


@contextmanager
def _old_names() -> Iterator[None]:
    """Names that imagecorruptions 1.1 imports and that setuptools and SciPy no longer have, or only with a warning."""
    import scipy.ndimage

    resources: Any = ModuleType("pkg_resources")
    resources.resource_filename = lambda package, path: path  # pictures of frost, which are not used here
    old: dict[str, ModuleType] = {"pkg_resources": resources, "scipy.ndimage.interpolation": scipy.ndimage}
    before = {name: sys.modules.get(name) for name in old}
    sys.modules.update(old)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
