"""ImageMagick, where the program is there."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np

from distortion_heads.errors import DataError
from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, draw_seed, operator

COMMANDS = (
    ("blur", "blur", "-blur 0x1.7", "-blur 0x4"),
    ("motion_blur", "blur", "-motion-blur 0x4+35", "-motion-blur 0x12+35"),
    ("gaussian_noise", "noise", "-attenuate 0.6 +noise Gaussian", "-attenuate 2 +noise Gaussian"),
    ("laplacian_noise", "noise", "-attenuate 0.6 +noise Laplacian", "-attenuate 2 +noise Laplacian"),
    ("unsharp", "sharpness", "-unsharp 0x1.5+2+0", "-unsharp 0x2+5+0"),
    ("too_dark", "exposure", "-evaluate Multiply 0.4", "-evaluate Multiply 0.2"),
    ("too_bright", "exposure", "-evaluate Multiply 1.9", "-evaluate Multiply 3"),
    ("hue", "color", "-modulate 100,100,125", "-modulate 100,100,170"),
    ("posterize", "color", "+dither -posterize 6", "+dither -posterize 3"),
    ("spread", "spatial", "-spread 2", "-spread 5"),
)


def operators() -> tuple[tuple[ForeignOperator, ...], str | None]:
    """Return them, or none and why."""
    program = _program()
    if program is None:
        return (), "ImageMagick is not installed: its operators were not measured"
    return tuple(
        operator("imagemagick", name, family, partial(_run, program=program, settings=(mild, strong)))
        for name, family, mild, strong in COMMANDS
    ), None


def _program() -> str | None:
    for name in ("magick", "convert"):
        path = shutil.which(name)
        if path is None:
            continue
        said = subprocess.run(
            [path, "-version"], capture_output=True, text=True, check=False
        )  # a stand-in may be there
        if said.returncode == 0 and said.stdout.startswith("Version: ImageMagick"):
            return path
    return None


def _run(pixels: Pixels, level: Level, program: str, settings: tuple[str, str]) -> Any:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PPM")
    command = [program, "ppm:-", "-seed", str(draw_seed()), *settings[level].split(), "-depth", "8", "ppm:-"]
    done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=False)
    if done.returncode != 0:
        raise DataError(f"ImageMagick refuses {settings[level]!r}: {done.stderr.decode(errors='replace').strip()}")
    with Image.open(BytesIO(done.stdout)) as picture:
        return np.asarray(picture.convert("RGB"))
