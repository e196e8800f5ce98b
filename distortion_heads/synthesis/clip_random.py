"""One draw of a distortion's parameters for a whole clip, with noise of its own for every frame."""

from __future__ import annotations

from typing import Any

import numpy as np


def _by_shape(name: str) -> Any:
    """The method `name` of a generator, whose scalars are the clip's and whose arrays are the frame's."""
    own = getattr(np.random.Generator, name)

    def draw(self: FrameGenerator, *args: Any, **kwargs: Any) -> Any:
        value = own(self, *args, **kwargs)  # the clip's stream runs on as for a single picture
        return value if np.ndim(value) == 0 else getattr(self.frame, name)(*args, **kwargs)

    return draw


class FrameGenerator(np.random.Generator):
    """Single numbers (the kind of noise, its correlation, how many samples it hits) come from `clip`, and are the same
    for every frame that is given a generator of the same state; arrays (the noise itself) come from `frame`."""

    def __init__(self, clip: np.random.Generator, frame: np.random.Generator) -> None:
        super().__init__(clip.bit_generator)
        self.frame = frame

    def spawn(self, n_children: int) -> list[np.random.Generator]:
        clips, frames = np.random.Generator(self.bit_generator).spawn(n_children), self.frame.spawn(n_children)
        return [FrameGenerator(clip, frame) for clip, frame in zip(clips, frames, strict=True)]

    random = _by_shape("random")
    uniform = _by_shape("uniform")
    integers = _by_shape("integers")
    normal = _by_shape("normal")
    standard_normal = _by_shape("standard_normal")
    choice = _by_shape("choice")
    binomial = _by_shape("binomial")
    poisson = _by_shape("poisson")
    gamma = _by_shape("gamma")
    standard_gamma = _by_shape("standard_gamma")
    exponential = _by_shape("exponential")
    laplace = _by_shape("laplace")
    lognormal = _by_shape("lognormal")
    rayleigh = _by_shape("rayleigh")
    beta = _by_shape("beta")
    permutation = _by_shape("permutation")
