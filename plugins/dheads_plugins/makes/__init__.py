"""Makes: the ways in which a fault of a family comes about that no head is named after, for training family heads."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from distortion_heads.spec import Make, Stage

if TYPE_CHECKING:
    import numpy as np

    from distortion_heads.spec import FloatImage


def makes_of(module: str, stage: Stage, **descriptions: str) -> tuple[Make, ...]:
    """Return the makes that functions of a module of this folder make, by name; it is loaded when one is made."""
    return tuple(
        Make(name=name, description=text, synthesize=_Later(module, name), stage=stage)
        for name, text in descriptions.items()
    )


class _Later:
    """A function of a module that is loaded when it is called."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = f"{__name__}.{module}", name

    def __call__(self, image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
        made: FloatImage = getattr(import_module(self._module), self._name)(image, severity, rng)
        return made
