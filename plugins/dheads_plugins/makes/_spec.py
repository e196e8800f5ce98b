"""How a make is said: a `HeadSpec` that has no weights and is called after its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from distortion_heads.spec import HeadSpec, Stage

if TYPE_CHECKING:
    import numpy as np

    from distortion_heads.spec import FloatImage


def make(
    family: str, synthesize: Callable[[FloatImage, float, np.random.Generator], FloatImage], *, stage: Stage
) -> HeadSpec:
    """Name a make after its function and describe it by the first line of its docstring."""
    name = synthesize.__name__
    return HeadSpec(
        label=name,
        title=name.replace("_", " ").capitalize(),
        family=family,
        description=(synthesize.__doc__ or name).splitlines()[0],
        synthesize=synthesize,
        stage=stage,
    )
