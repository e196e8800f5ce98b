"""torchvision's transforms at fixed settings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from distortion_heads.foreign.base import ForeignOperator, Level, operator
from distortion_heads.foreign.kornia import run_in_torch


def operators() -> Iterator[ForeignOperator]:
    """Yield them. Raises `ModuleNotFoundError`."""
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

    def blurred(level: Level) -> object:
        return partial(functional.gaussian_blur, kernel_size=[21, 21], sigma=[(1.7, 3.8)[level]] * 2)

    for name, family, step in (
        ("gaussian", "blur", blurred),
        ("noise", "noise", lambda s: v2.GaussianNoise(sigma=(0.06, 0.16)[s])),
        ("too_dark", "exposure", lambda s: partial(functional.adjust_gamma, gamma=(2.1, 3.4)[s])),
        ("too_bright", "exposure", lambda s: partial(functional.adjust_brightness, brightness_factor=(1.8, 2.8)[s])),
        ("pale", "color", lambda s: partial(functional.adjust_saturation, saturation_factor=(0.3, 0.05)[s])),
        ("sharpness", "sharpness", lambda s: partial(functional.adjust_sharpness, sharpness_factor=(4.0, 10.0)[s])),
        ("erasing", "spatial", lambda s: _erased(v2, (4, 9)[s])),
    ):
        yield operator("torchvision", name, family, partial(run_in_torch, step=step))  # type: ignore[arg-type]


def _erased(v2: object, count: int) -> object:
    """Replace `count` small rectangles by one colour each."""
    erase = v2.RandomErasing(p=1.0, scale=(0.006, 0.012), value=[0.8, 0.2, 0.3])  # type: ignore[attr-defined]

    def apply(x: object) -> object:
        for _ in range(count):
            x = erase(x)
        return x

    return apply
