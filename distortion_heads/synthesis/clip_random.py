"""One draw of a distortion's parameters for a whole clip, with noise of its own for every frame."""

from __future__ import annotations

from typing import Any

import numpy as np


def _by_shape(name: str) -> Any:
    """Wrap a method of a generator: its numbers are the clip's, and all else that it draws is the frame's."""
    own = getattr(np.random.Generator, name)

    def draw(self: FrameGenerator, *args: Any, **kwargs: Any) -> Any:
        value = own(self, *args, **kwargs)  # the clip's stream runs on as for a single picture
        is_number = np.ndim(value) == 0 and not isinstance(value, bytes | None)
        return value if is_number else getattr(self.frame, name)(*args, **kwargs)

    return draw


def _all_draws(kind: type[FrameGenerator]) -> type[FrameGenerator]:
    for name in dir(np.random.Generator):
        if not name.startswith("_") and name not in vars(kind) and callable(getattr(np.random.Generator, name)):
            setattr(kind, name, _by_shape(name))
    return kind


@_all_draws
class FrameGenerator(np.random.Generator):
    """A generator for one frame of a clip.

    Single numbers (the kind of noise, its correlation, how many samples it hits) come from `clip`, and are the same for
    every frame that is given a generator of the same state; arrays and bytes (the noise itself) come from `frame`.
    """

    def __init__(self, clip: np.random.Generator, frame: np.random.Generator) -> None:
        super().__init__(clip.bit_generator)
        self.frame = frame

    def spawn(self, n_children: int) -> list[np.random.Generator]:
        """Return children that draw in the same way."""
        clips, frames = np.random.Generator(self.bit_generator).spawn(n_children), self.frame.spawn(n_children)
        return [FrameGenerator(clip, frame) for clip, frame in zip(clips, frames, strict=True)]
