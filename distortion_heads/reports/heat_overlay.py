"""A heat map drawn over its picture, with a legend, the affected parts and the worst place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distortion_heads.answers import HeatMap
from distortion_heads.heat.areas import heat_pixels
from distortion_heads.reports.colours import heat_colours

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

LEAST_SIDE = 480
"""Shorter side in pixels to which a small picture is enlarged, so that the text fits."""

FAINT, STRONG = 0.25, 0.65
"""Opacity of the colours of 0 and of 1."""

_PAPER, _INK, _MUTED, _WHITE, _BLACK = (255, 255, 255), (28, 32, 38), (90, 96, 104), (255, 255, 255), (0, 0, 0)


def draw_heat(picture: NDArray[np.uint8], heat: HeatMap, width: int, height: int, title: str) -> Image.Image:
    """Return RGB: `picture`, uint8 (h, w, 3), in grey below the colours of `heat`, and a legend below it.

    `width`, `height`: of the picture before it was reduced, which the places of `heat` refer to. `title` is one line.
    """
    small = Image.fromarray(picture)
    factor = max(1.0, LEAST_SIDE / min(small.size))
    if factor > 1 and max(small.size) * factor <= 4 * LEAST_SIDE:
        small = small.resize((round(small.width * factor), round(small.height * factor)), Image.Resampling.BICUBIC)
    scale = small.width / width
    values = heat_pixels(heat, small.width, small.height, scale)
    drawn = _blend(np.asarray(small.convert("L"), np.float32), values)
    draw = ImageDraw.Draw(drawn)
    unit = max(1, round(min(drawn.size) / 240))
    for area in heat.areas:
        box = [side * scale for side in (area.x, area.y, area.x + area.width - 1, area.y + area.height - 1)]
        draw.rectangle(box, outline=_BLACK, width=3 * unit)
        draw.rectangle(
            [*(side + unit for side in box[:2]), *(side - unit for side in box[2:])], outline=_WHITE, width=unit
        )
    _mark(draw, (heat.worst[0] * scale, heat.worst[1] * scale), unit)
    return _with_legend(drawn, heat, title)


def _blend(grey: NDArray[np.float32], values: NDArray[np.float32]) -> Image.Image:
    opacity = (FAINT + (STRONG - FAINT) * values)[..., np.newaxis]
    colours = heat_colours().astype(np.float32)[np.rint(255 * np.clip(values, 0, 1)).astype(np.intp)]
    mixed = (1 - opacity) * grey[..., np.newaxis] + opacity * colours
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def _mark(draw: ImageDraw.ImageDraw, place: tuple[float, float], unit: int) -> None:
    """Draw a ring with a cross, white on black, which is seen on any colour."""
    x, y = place
    for colour, wide in ((_BLACK, 3 * unit), (_WHITE, unit)):
        radius = 6 * unit + (unit if colour == _BLACK else 0)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=wide)
        reach = 10 * unit
        draw.line((x - reach, y, x + reach, y), fill=colour, width=wide)
        draw.line((x, y - reach, x, y + reach), fill=colour, width=wide)


def _with_legend(drawn: Image.Image, heat: HeatMap, title: str) -> Image.Image:
    size = max(12, min(22, drawn.width // 34))
    pad, font = size // 2, ImageFont.load_default(size)
    page = Image.new("RGB", (drawn.width, drawn.height + 3 * size + 5 * pad), _PAPER)
    page.paste(drawn, (0, 0))
    draw = ImageDraw.Draw(page)
    top = drawn.height + pad
    draw.text((pad, top), _fitting(draw, title, font, page.width - 2 * pad), fill=_INK, font=font)
    top += size + pad
    left, right = pad, page.width - pad
    bar = Image.fromarray(heat_colours(right - left)[np.newaxis]).resize((right - left, size))
    page.paste(bar, (left, top))
    coarse = "rough" if heat.coarse else "affected"
    below = top + size + pad // 2
    draw.text((left, below), "0", fill=_MUTED, font=font)
    draw.text((right, below), "1", fill=_MUTED, font=font, anchor="ra")
    tick = left + (right - left - 1) * min(heat.level, 1.0)
    draw.line((tick, top, tick, below), fill=_BLACK, width=3)
    draw.line((tick, top, tick, below), fill=_WHITE, width=1)
    text = f"{coarse} from {heat.level:.2f}"
    half = draw.textlength(text, font) / 2
    middle = min(max(tick, left + 2 * size + half), right - 2 * size - half)
    draw.text((middle, below), text, fill=_MUTED, font=font, anchor="ma")
    return page


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: FreeTypeFont | BitmapFont, width: float) -> str:
    """Cut the beginning of `text`, which may be a path, until it fits; what cannot be printed becomes "?"."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f"…{text}", font) > width:
        text = text[1:]
    return f"…{text}"
