"""One picture in every distortion at five severities, labelled, for eyes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.synthesis.plan import item_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from distortion_heads.spec import FloatImage

SEVERITIES = (1.0, 2.0, 3.0, 4.0, 5.0)
CELL_WIDTH = 320
_LABEL_WIDTH, _HEADER, _GAP = 172, 26, 4
_BACKGROUND, _INK, _FAINT = "white", "#1a1a1a", "#6a6a6a"
_FORMATS = {".png": {}, ".webp": {"quality": 60, "method": 4}, ".jpg": {"quality": 85}, ".jpeg": {"quality": 85}}


def contact_sheet(
    pixels: NDArray[np.uint8], specs: Sequence[HeadSpec], *, seed: int = 0, cell_width: int = CELL_WIDTH
) -> Image:
    """Draw a row for each distortion, by family and label; `pixels` (uint8 HWC RGB) is reduced to `cell_width` before.

    Raises `DataError` if a distortion has no synthesizer or breaks its contract.
    """
    from PIL import Image, ImageDraw

    clean = to_float(_reduced(pixels, cell_width))
    height, width = clean.shape[:2]
    rows = sorted(specs, key=lambda spec: (spec.family, spec.label))
    size = _LABEL_WIDTH + len(SEVERITIES) * (width + _GAP), _HEADER + len(rows) * (height + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for column, severity in enumerate(SEVERITIES):
        x = _LABEL_WIDTH + column * (width + _GAP)
        _text(draw, (x + width // 2, _HEADER // 2), f"severity {severity:g}", 14, _INK, anchor="mm")
    for i, spec in enumerate(rows):
        y = _HEADER + i * (height + _GAP)
        _text(draw, (6, y + 6), _wrapped(draw, spec.title, 16), 16, _INK)
        _text(draw, (6, y + height - 8), f"{spec.label}\n{spec.family}", 12, _FAINT, anchor="ld")
        for column, severity in enumerate(SEVERITIES):
            cell = Image.fromarray(to_uint8(_cell(clean, spec, severity, seed)))
            sheet.paste(cell, (_LABEL_WIDTH + column * (width + _GAP), y))
    return sheet


def example_picture() -> NDArray[np.uint8]:
    """Return a small clean photograph that ships with the package (CC0; examples/README.md has its source)."""
    from importlib.resources import files

    from PIL import Image

    data = (files("distortion_heads.synthesis") / "example.webp").read_bytes()
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def save_sheet(sheet: Image, path: Path) -> None:
    """Write `sheet` as PNG, WebP or JPEG, by the suffix of `path`. Raises `DataError` if that fails."""
    buffer = BytesIO()
    sheet.save(buffer, check_sheet_path(path), **_FORMATS[path.suffix.lower()])
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise DataError(f"{path} cannot be written: {reason(error)}") from None


def check_sheet_path(path: Path) -> str:
    """Return Pillow's name of the format that the suffix stands for. Raises `DataError` if it stands for none."""
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise DataError(f"{path}: a contact sheet is written as {', '.join(sorted(_FORMATS))}")
    return {".png": "PNG", ".webp": "WEBP"}.get(suffix, "JPEG")


def _reduced(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    from PIL import Image

    picture = Image.fromarray(pixels)
    if picture.width > width:
        size = (width, max(1, round(picture.height * width / picture.width)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(picture)


def _cell(clean: FloatImage, spec: HeadSpec, severity: float, seed: int) -> FloatImage:
    # One stream for all five: what a severity changes is then all that differs between the cells of a row.
    rng = np.random.default_rng(item_seed(seed, "sheet", spec.label))
    return distort(clean, [Step(spec=spec, severity=severity)], rng)


def _text(
    draw: ImageDraw, position: tuple[int, int], text: str, size: int, color: str, anchor: str | None = None
) -> None:
    from PIL import ImageFont

    draw.text(position, text, color, ImageFont.load_default(size), anchor=anchor)


def _wrapped(draw: ImageDraw, text: str, size: int) -> str:
    """Return `text` with a line break before each word that would leave the column of labels."""
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) <= _LABEL_WIDTH - 12:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(line for line in lines if line)
