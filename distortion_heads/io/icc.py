"""Embedded ICC profiles: pictures of another gamut than sRGB are converted to it, relative colorimetric."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import cast

from PIL import Image

_MODES = frozenset({"RGB", "RGBA", "RGBX", "P", "PA"})
"""Modes that hold RGB: grey, CMYK and Lab pictures are converted without their profiles."""

_MOST_BYTES = 4 << 20
_SPACE = slice(16, 20)
"""Where a profile's header names the space of the pixels."""

_LEVELS = (0, 64, 128, 192, 255)
_AS_SRGB = 4
"""Levels by which a profile may differ from sRGB and still be taken for it, as those of gamma 2.2 do."""

_LONGEST_NAME = 60
_IGNORED = "an ICC profile that cannot be read: ignored"


@dataclass(frozen=True, kw_only=True)
class Gamut:
    """How a picture comes to sRGB: as it is, or by `convert`, which takes pictures of `mode`."""

    notes: tuple[str, ...] = ()
    mode: str = "RGB"
    convert: Callable[[Image.Image], Image.Image] | None = None

    def in_srgb(self, image: Image.Image) -> Image.Image:
        """Return the picture, or a strip of it, in sRGB."""
        if self.convert is None:
            return image
        return self.convert(image if image.mode == self.mode else image.convert(self.mode))


def gamut_of(image: Image.Image) -> Gamut:
    """Read the profile of a loaded picture; one that cannot be read is ignored, with a note."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in _MODES:
        return Gamut()
    try:
        name = _other_than_srgb(bytes(profile))
        if name is None:
            return Gamut()
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return Gamut(notes=(f"{name} converted to sRGB",), mode=mode, convert=_to_srgb(profile, mode))
    except Exception:  # profiles are as untrusted as the pixels, and Pillow raises several kinds
        return Gamut(notes=(_IGNORED,))


@lru_cache(maxsize=8)
def _other_than_srgb(profile: bytes) -> str | None:
    """Return the name of a profile, or None if its colours are those of sRGB, as in most pictures that have one."""
    if len(profile) > _MOST_BYTES or profile[_SPACE] != b"RGB ":
        raise ValueError("no profile of RGB pictures")
    from PIL import ImageCms

    colours = bytes(value for colour in product(_LEVELS, repeat=3) for value in colour)
    asked = Image.frombytes("RGB", (len(colours) // 3, 1), colours)
    shown = _to_srgb(profile, "RGB")(asked).tobytes()
    if max(abs(a - b) for a, b in zip(colours, shown, strict=True)) <= _AS_SRGB:
        return None
    described = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    name = " ".join("".join(c if c.isprintable() else " " for c in described).split())
    return name[:_LONGEST_NAME] or "an unnamed ICC profile"


def _to_srgb(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image]:
    from PIL import ImageCms

    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        mode,
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return lambda image: cast(Image.Image, ImageCms.applyTransform(image, transform))
