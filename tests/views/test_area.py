"""What surrounds a scene is found and left out; a sky, a night and a dark picture are scenes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.views.area import Area, find_area
from distortion_heads.views.inside import INSIDE, filled, mostly_inside
from distortion_heads.views.scene import LEAST_SIDE, Scene, scene_of, too_little

Pixels = NDArray[np.uint8]
Stripes = list[tuple[int, tuple[int, int, int]]]

GRADIENT = np.broadcast_to(np.linspace(90, 230, 300).astype(np.uint8)[:, None, None], (300, 400, 3))


def texture(height: int = 300, width: int = 400, seed: int = 0, low: int = 40, high: int = 220) -> Pixels:
    """Random patches with grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(low, high, (9, 12, 3)).astype(np.uint8)).resize((width, height), 3)
    grain = rng.normal(0, 4, (height, width, 3))
    return np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)


def disc(height: int, width: int, row: float, column: float, radius: float) -> NDArray[np.bool_]:
    y, x = np.ogrid[:height, :width]
    return np.asarray((y - row) ** 2 + (x - column) ** 2 <= radius**2)


def as_jpeg(pixels: Pixels, quality: int = 85) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def found(pixels: Pixels) -> Area:
    area = find_area(pixels)
    assert area is not None
    return area


@pytest.mark.parametrize("centre", [(240, 320), (240, 290)])
def test_an_endoscopes_field_is_round(centre: tuple[int, int]) -> None:
    inside = disc(480, 640, *centre, 260)
    pixels = np.where(inside[..., None], texture(480, 640), 2).astype(np.uint8)
    area = found(as_jpeg(pixels))
    assert area.shape == "round"
    assert area.mask is not None
    whole = np.zeros((480, 640), bool)
    whole[area.top : area.bottom, area.left : area.right] = area.mask
    assert not (whole & ~inside).any()
    assert whole.sum() > 0.9 * inside.sum()


@pytest.mark.parametrize("colour", [0, 16, 128, 255])
@pytest.mark.parametrize("quality", [None, 60])
@pytest.mark.parametrize("sides", [(40, 40, 0, 0), (0, 0, 60, 60), (30, 30, 30, 30), (36, 44, 20, 28)])
def test_bars_and_frames_are_left_out(colour: int, quality: int | None, sides: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = sides
    pixels = np.full((300, 400, 3), colour, np.uint8)
    pixels[top : 300 - bottom, left : 400 - right] = texture(300 - top - bottom, 400 - left - right)
    area = found(pixels if quality is None else as_jpeg(pixels, quality))
    assert area.shape == "box"
    assert top <= area.top <= top + 6
    assert left <= area.left <= left + 6
    assert 300 - bottom - 6 <= area.bottom <= 300 - bottom
    assert 400 - right - 6 <= area.right <= 400 - right


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_what_stands_before_one_colour_is_cut_out(colour: int) -> None:
    inside = disc(300, 400, 150, 200, 120)
    pixels = np.where(inside[..., None], texture(low=60, high=100), colour).astype(np.uint8)
    area = found(pixels)
    assert area.shape == ("cutout" if colour else "round")
    assert area.mask is not None
    whole = np.zeros((300, 400), bool)
    whole[area.top : area.bottom, area.left : area.right] = area.mask
    assert not (whole & ~inside).any()
    assert whole.sum() > 0.85 * inside.sum()


def test_what_is_transparent_is_left_out() -> None:
    pixels, alpha = texture(), np.zeros((300, 400), np.uint8)
    alpha[20:280, 50:370] = 255
    area = find_area(pixels, alpha)
    assert area is not None
    assert (area.shape, area.box) == ("box", (50, 20, 370, 280))
    alpha[disc(300, 400, 150, 200, 100)] = 0
    area = find_area(pixels, alpha)
    assert area is not None
    assert area.shape == "cutout"
    assert area.pixels == np.count_nonzero(alpha)
    assert find_area(pixels, np.full((300, 400), 200, np.uint8)) is None


def sky(bottom: int) -> Pixels:
    """A sky that grows lighter towards the horizon, above texture."""
    pixels = texture(low=20, high=120)
    light = np.linspace(200, 250, bottom)[:, None, None] + np.zeros((1, 400, 1))
    pixels[:bottom] = light * np.array([0.8, 0.9, 1.0])
    return pixels


def night() -> Pixels:
    """Lamps that shine into the dark."""
    y, x = np.mgrid[:300, :400]
    glow = sum(230 * np.exp(-np.hypot(y - row, x - column) / 30) for row, column in ((80, 90), (160, 250), (220, 330)))
    grain = np.random.default_rng(0).normal(0, 1.5, (300, 400, 3))
    return np.clip(np.asarray(glow)[..., None] * np.array([1.0, 0.9, 0.6]) + grain, 0, 255).astype(np.uint8)


def halves() -> Pixels:
    """A flag: each half of one colour, so that all of it is a bar seen from either side."""
    pixels = np.empty((300, 400, 3), np.uint8)
    pixels[:150], pixels[150:] = (20, 60, 200), (240, 200, 10)
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        texture(), sky(60), sky(150), night(), texture(low=0, high=20), np.full((300, 400, 3), 255, np.uint8),
        halves(), halves().transpose(1, 0, 2).copy(),
    ],
    ids=["texture", "sky", "much_sky", "night", "dark", "white", "halves", "upright_halves"],
)  # fmt: skip
def test_a_picture_without_surroundings_stays_whole(pixels: Pixels) -> None:
    assert find_area(pixels) is None
    assert scene_of(pixels).pixels is pixels


def test_thin_lines_on_one_colour_are_no_scene() -> None:
    pixels = np.full((400, 400, 3), 255, np.uint8)
    angle = np.linspace(0, np.pi / 2, 600)
    pixels[np.rint(200 + 150 * np.sin(angle)).astype(int), np.rint(200 + 150 * np.cos(angle)).astype(int)] = 0
    scene = scene_of(pixels)
    assert scene.pixels.size == 0
    assert too_little(scene) == "thin lines on one colour"


def test_a_filled_scene_has_its_own_colours_alone() -> None:
    mask = disc(200, 220, 100, 110, 90)
    pixels = np.where(mask[..., None], texture(200, 220, low=100, high=140), 0).astype(np.uint8)
    result = filled(pixels, mask)
    np.testing.assert_array_equal(result[mask], pixels[mask])
    assert result.min() > 50
    holed = mask & ~disc(200, 220, 100, 110, 10)
    assert filled(np.where(holed[..., None], pixels, 0).astype(np.uint8), holed).min() > 50


def test_windows_that_lie_mostly_in_the_scene_are_read() -> None:
    mask = np.zeros((100, 100), bool)
    mask[:, :50] = True
    boxes = [(0, 0, 40, 40), (0, 20, 40, 54), (0, 20, 40, 60), (60, 60, 100, 100)]
    assert INSIDE < (50 - 20) / (54 - 20)
    assert mostly_inside(mask, boxes) == [0, 1]
    assert mostly_inside(mask, boxes[2:]) == [0]
    assert mostly_inside(mask, [(0, 0, 256, 40)]) == [0]  # what lies beyond the picture does not count


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((1, 1, 3), 90, np.uint8), "1 x 1 pixels"),
        (texture(LEAST_SIDE - 1, 200), f"200 x {LEAST_SIDE - 1} pixels"),
        (texture(LEAST_SIDE, LEAST_SIDE), None),
        (np.full((300, 400, 3), 128, np.uint8), "one colour"),
        (
            np.broadcast_to(np.linspace(90, 230, 300).astype(np.uint8)[:, None, None], (300, 400, 3)),
            "almost no structure",
        ),
        (texture(low=0, high=12), None),
        (np.asarray(Image.fromarray(texture()).resize((16, 12)).resize((400, 300), 3)), None),
    ],
    ids=["pixel", "narrow", "least", "flat", "gradient", "dark", "blurred"],
)
def test_too_little_is_not_judged(pixels: Pixels, reason: str | None) -> None:
    assert too_little(Scene(pixels=pixels)) == reason


def test_little_scene_of_a_large_picture_is_not_judged() -> None:
    alpha = np.zeros((300, 400), np.uint8)
    assert too_little(scene_of(texture(), alpha)) == "all of it is transparent"
    alpha[:30, :30] = 255
    assert too_little(scene_of(texture(), alpha)) == "30 x 30 pixels of scene"


STRIPES = st.lists(
    st.tuples(st.integers(1, 120), st.tuples(*[st.sampled_from([0, 20, 128, 250, 255])] * 3)), min_size=1
)


DOTS = [(8, (255,) * 3), (1, (0,) * 3), (80, (255,) * 3), (1, (0,) * 3), (8, (255,) * 3)]
"""Crossed with itself: four dots on one colour, which have no inside."""


@given(STRIPES, STRIPES, st.booleans())
@example(DOTS, DOTS, True)
def test_flat_stripes_are_whole_or_lie_within_the_picture(down: Stripes, across: Stripes, crossed: bool) -> None:
    pixels = (
        np.maximum(striped(down)[:, None], striped(across)[None]) if crossed else striped(down)[:, None].repeat(90, 1)
    )
    area = find_area(pixels)
    assert area is None or 0 <= area.left < area.right <= pixels.shape[1]
    assert area is None or 0 <= area.top < area.bottom <= pixels.shape[0]
    assert (scene_of(pixels).pixels.size == 0) == (area is not None and area.pixels == 0)


def striped(stripes: Stripes) -> Pixels:
    """A column of pixels (n, 3): so many of each colour."""
    return np.repeat(np.array([colour for _, colour in stripes], np.uint8), [many for many, _ in stripes], axis=0)
