"""One form for all pictures of two classes: codec and quality, colour, size; what differs in it teaches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from distortion_heads.datasets.properties import JPEG, LOSSLESS, Properties
from distortion_heads.datasets.shortcuts import Name

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUALITIES = (30, 95)
OTHER_CODECS = 75
"""JPEG quality that hides what lossy codecs of which the quality is unknown leave."""

REDUCED = 0.75
"""All are reduced, to this share of the smaller class's size: a picture that is not reduced at all is softer."""

SMALLEST = 64


@dataclass(frozen=True, kw_only=True)
class CommonForm:
    """JPEG of `quality` (None: as decoded), in grey or as it is, of `side` x `side` pixels at most, in any shape."""

    quality: int | None = None
    grey: bool = False
    side: int | None = None

    @property
    def key(self) -> str:
        """Return all that decides what becomes of a picture."""
        return f"quality {self.quality} grey {self.grey} side {self.side}"

    def __str__(self) -> str:
        parts = ["in grey"] if self.grey else []
        parts += [f"as many pixels as {self.side} x {self.side}"] if self.side else []
        parts += [f"JPEG of quality {self.quality}"] if self.quality else []
        return ", ".join(parts)

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring uint8 (H, W, 3) to colour and size, before a distortion is made."""
        image = Image.fromarray(pixels)
        if self.grey:
            image = image.convert("L").convert("RGB")
        factor = self.side / np.sqrt(image.width * image.height) if self.side else 1.0
        if factor < 1:
            size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
            image = image.resize(size, Image.Resampling.BOX if factor < 0.25 else Image.Resampling.BICUBIC)
        return np.asarray(image)

    def finish(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Store uint8 (H, W, 3) as the codec does, and return what comes back."""
        if self.quality is None:
            return pixels
        buffer = BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=self.quality)
        return np.asarray(Image.open(buffer).convert("RGB"))


def common_form(
    properties: Sequence[Properties | None], positive: Sequence[bool], differ: Sequence[Name] | None
) -> CommonForm | None:
    """Return the form that hides the properties named in `differ` (None: all); None if none of them can be hidden.

    Camera, depth and light stay as they are.
    """
    known = [(p, side) for p, side in zip(properties, positive, strict=True) if p is not None]
    names = {"codec", "mode", "size"} if differ is None else set(differ)
    grey = "mode" in names and any(p.mode == "grey" for p, _ in known)
    form = CommonForm(
        quality=_quality([p for p, _ in known]) if names & {"codec", "suffix", "quality", "mode", "size"} else None,
        grey=grey,
        side=_side(known) if "size" in names else None,
    )
    return None if form == CommonForm() else form


def _quality(properties: Sequence[Properties]) -> int | None:
    """Return the quality of the worst JPEG files, which the others do not undercut; None if all are lossless."""
    qualities = [p.quality for p in properties if p.codec in JPEG and p.quality is not None]
    if any(p.codec not in LOSSLESS | JPEG for p in properties):
        qualities.append(OTHER_CODECS)
    if not qualities:
        return None
    return int(np.clip(np.percentile(qualities, 5), *QUALITIES))


def _side(known: Sequence[tuple[Properties, bool]]) -> int:
    medians = [np.median([p.side for p, side in known if side is wanted]) for wanted in (True, False)]
    return max(SMALLEST, round(REDUCED * float(min(medians))))
