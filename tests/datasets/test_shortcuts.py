"""Properties of files that separate two classes are found and can be evened out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.datasets.common_form import CommonForm, common_form
from distortion_heads.datasets.properties import Properties, read_all_properties, read_properties
from distortion_heads.datasets.shortcuts import find_shortcuts
from helpers.little_pictures import save, scene

PLAIN = Properties(suffix=".png", codec="PNG", width=96, height=96, light=120.0)


def write(path: Path, seed: int, *, mode: str = "RGB", side: int = 96, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene(seed, side)).convert(mode).save(path, **options)
    return path


def test_properties_of_files(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "Model 7"
    jpeg = read_properties(write(tmp_path / "a.JPG", 0, quality=80, exif=exif))
    assert jpeg is not None
    assert (jpeg.suffix, jpeg.codec, jpeg.quality, jpeg.camera) == (".jpg", "JPEG", 80, "Maker Model 7")
    assert (jpeg.width, jpeg.height, jpeg.mode, jpeg.depth) == (96, 96, "colour", 8)
    assert jpeg.light == pytest.approx(scene(0).mean(), abs=6)
    grey = read_properties(write(tmp_path / "g.png", 0, mode="L"))
    stored_as_colour = read_properties(save(tmp_path / "gg.png", np.repeat(scene(0)[..., :1], 3, axis=2)))
    palette = read_properties(write(tmp_path / "p.png", 0, mode="P"))
    assert [found and found.mode for found in (grey, stored_as_colour, palette)] == ["grey", "grey", "palette"]
    codecs = [
        read_properties(write(tmp_path / "w.webp", 0, lossless=lossless, quality=60)) for lossless in (True, False)
    ]
    assert [found and found.codec for found in codecs] == ["WebP, lossless", "WebP"]
    deep = tmp_path / "deep.png"
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(deep)
    found = read_properties(deep)
    assert found is not None
    assert found.depth == 16


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
def test_quality_of_jpeg(tmp_path: Path, quality: int) -> None:
    found = read_properties(write(tmp_path / "a.jpg", 1, quality=quality))
    assert found is not None
    assert found.quality is not None
    assert abs(found.quality - quality) <= 1


def test_file_that_is_no_picture_has_no_properties(tmp_path: Path) -> None:
    for name in ("no.png", "no.mp4"):
        (tmp_path / name).write_text("nothing")
    assert read_all_properties([tmp_path / "no.png", tmp_path / "no.mp4", tmp_path / "missing.png"]) == [None] * 3


@pytest.mark.parametrize(
    ("change", "names", "text"),
    [
        (
            {"codec": "JPEG", "suffix": ".jpg", "quality": 80},
            ["codec"],
            "all 40 pictures with rain are JPEG and all 40",
        ),
        (
            {"suffix": ".jpg"},
            ["suffix"],
            "all 40 pictures with rain are called .jpg and all 40 without are called .png",
        ),
        ({"mode": "grey"}, ["mode"], "all 40 pictures with rain are in grey and all 40 without are in colour"),
        ({"depth": 16}, ["depth"], "all 40 pictures with rain have 16 bits and all 40 without have 8 bits"),
        ({"camera": "Maker"}, ["camera"], "all 40 pictures with rain name Maker and all 40 without name no camera"),
        (
            {"width": 48, "height": 48},
            ["size"],
            "all 40 pictures with rain are below the size of 72 x 72 pixels and",
        ),
        ({"light": 60.0}, ["light"], "all 40 pictures with rain are below a mean light of 90 of 255 and all 40"),
        ({}, [], ""),
    ],
)
def test_a_property_that_separates_is_said_with_its_figures(
    change: dict[str, object], names: list[str], text: str
) -> None:
    changed = replace(PLAIN, **change)  # type: ignore[arg-type]
    found = find_shortcuts([changed] * 40 + [PLAIN] * 40, [True] * 40 + [False] * 40, "rain")
    assert [shortcut.name for shortcut in found] == names
    assert text in "".join(shortcut.text for shortcut in found)


def test_quality_of_jpeg_on_both_sides() -> None:
    good, bad = (replace(PLAIN, codec="JPEG", suffix=".jpg", quality=q) for q in (95, 60))
    (found,) = find_shortcuts([good] * 20 + [bad] * 20, [True] * 20 + [False] * 20, "rain")
    assert found.text == "all 20 pictures with rain are above JPEG quality 78 and all 20 without are below it"


def test_what_most_have_is_enough_and_chance_is_not() -> None:
    jpeg = replace(PLAIN, codec="JPEG")
    sides = [True] * 20 + [False] * 20
    (found,) = find_shortcuts([jpeg] * 19 + [PLAIN] * 21, sides, "rain")
    assert found.text == "19 of 20 pictures with rain are JPEG and all 20 without are PNG"
    assert find_shortcuts([jpeg, PLAIN] * 20, sides, "rain") == ()
    each_its_own = [replace(PLAIN, camera=f"camera {i}") for i in range(40)]
    assert find_shortcuts(each_its_own, sides, "rain") == ()  # a value of one picture says nothing of others
    rng = np.random.default_rng(0)
    for _ in range(20):
        pictures = [replace(PLAIN, light=float(x), width=int(w)) for x, w in rng.uniform(50, 200, (40, 2))]
        assert find_shortcuts(pictures, sides, "rain") == ()
    assert find_shortcuts([jpeg] * 5 + [PLAIN] * 5, [True] * 5 + [False] * 5, "rain") == ()  # too few to say


def sizes(seed: int) -> tuple[dict[str, object], dict[str, object]]:
    return {"side": 120 + seed % 5}, {"side": 200 + seed % 7}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("codec", lambda s: ({"quality": 70, "suffix": ".jpg"}, {"suffix": ".png"}), CommonForm(quality=70)),
        ("mode", lambda s: ({"mode": "L", "suffix": ".png"}, {"suffix": ".png"}), CommonForm(grey=True)),
        ("size", sizes, CommonForm(side=92)),
    ],
)
def test_a_common_form_leaves_nothing_of_it(
    tmp_path: Path,
    name: str,
    options: Callable[[int], tuple[dict[str, object], dict[str, object]]],
    expected: CommonForm,
) -> None:
    paths, sides = [], []
    for seed in range(24):
        given = dict(options(seed)[seed % 2])
        suffix = str(given.pop("suffix", ".png"))
        paths.append(write(tmp_path / f"{seed}{suffix}", seed, **given))  # type: ignore[arg-type]
        sides.append(seed % 2 == 0)
    properties = read_all_properties(paths)
    found = find_shortcuts(properties, sides, "rain")
    assert [shortcut.name for shortcut in found] == [name]
    form = common_form(properties, sides, [shortcut.name for shortcut in found])
    assert form == expected
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        Image.fromarray(form.finish(form.prepare(pixels))).save(path.with_suffix(".bmp"))
    evened = read_all_properties([path.with_suffix(".bmp") for path in paths])
    assert [s for s in find_shortcuts(evened, sides, "rain") if s.name != "light"] == []


def test_form_of_files_already_in_it_is_what_they_are() -> None:
    """A JPEG file stored again at its own quality hardly changes, as one that is stored so for the first time."""
    form = CommonForm(quality=80)
    pixels = np.repeat(scene(3)[..., :1] // 2 + 64, 3, axis=2)
    once = form.finish(pixels)
    assert np.abs(form.finish(once).astype(int) - once).mean() < 0.1
    assert np.abs(once.astype(int) - pixels).mean() > 0.3


def test_nothing_to_even_out() -> None:
    sides = [True] * 20 + [False] * 20
    assert common_form([PLAIN] * 40, sides, ["camera"]) is None
    assert common_form([PLAIN] * 40, sides, None) == CommonForm(side=72)
    webp = replace(PLAIN, codec="WebP")
    assert common_form([webp] * 20 + [PLAIN] * 20, sides, ["codec"]) == CommonForm(quality=75)
