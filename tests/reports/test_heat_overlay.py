"""Heat maps as pictures: colours in equal steps, the marks, the legend."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distortion_heads.answers import AffectedArea, HeatMap
from distortion_heads.heat.areas import find_areas
from distortion_heads.reports.colours import heat_colours
from distortion_heads.reports.heat_files import HeatFolder
from distortion_heads.reports.heat_overlay import draw_heat


def oklab(colours: np.ndarray) -> np.ndarray:
    """OKLab (n, 3) of sRGB (n, 3) in [0, 255] (Ottosson 2020)."""
    values = colours / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                               [0.0883024619, 0.2817188376, 0.6299787005]]).T  # fmt: skip
    lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
           [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip
    return np.cbrt(cones) @ np.array(lab).T


def test_the_colours_go_up_in_equal_steps() -> None:
    lab = oklab(heat_colours(64).astype(float))
    assert (np.diff(lab[:, 0]) > 0).all()
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.std() < 0.35 * steps.mean()
    assert steps.min() > 0.4 * steps.mean()


def heat_map() -> HeatMap:
    values = np.zeros((4, 6), np.float32)
    values[:, 3:] = 0.9
    box = (0.0, 0.0, 192.0, 128.0)
    areas = find_areas(values, box, 0.5, box)
    return HeatMap(name="blur", values=values, box=box, level=0.5, areas=areas, worst=(150, 60))


def test_the_hot_side_is_light_and_the_legend_is_below() -> None:
    picture = np.full((128, 192, 3), 90, np.uint8)
    drawn = np.asarray(draw_heat(picture, heat_map(), 192, 128, "blur 0.90"))
    scale = drawn.shape[1] / 192
    assert drawn.shape[1] >= 480
    assert drawn.shape[0] > 128 * scale + 40
    cold, hot = drawn[int(100 * scale), int(30 * scale)], drawn[int(100 * scale), int(130 * scale)]
    assert hot.astype(int).sum() > cold.astype(int).sum() + 150
    worst = drawn[int(60 * scale) - 6 : int(60 * scale) + 7, int(150 * scale) - 6 : int(150 * scale) + 7]
    assert worst.min() == 0
    assert worst.max() == 255
    assert (drawn[-2] == 255).all()


def test_a_title_of_any_length_and_kind_fits() -> None:
    picture = np.full((40, 900, 3), 90, np.uint8)
    drawn = draw_heat(picture, heat_map(), 900, 40, "x" * 500 + "\x1b[31m")
    assert drawn.width == 900


def test_areas_come_with_the_most_affected_first() -> None:
    (area,) = heat_map().areas
    assert area == AffectedArea(x=area.x, y=0, width=192 - area.x, height=128, probability=area.probability)
    assert abs(area.x - 96) <= 16
    assert area.probability > 0.8


def test_names_of_files_stay_in_the_folder(tmp_path: Path) -> None:
    folder = HeatFolder(tmp_path)
    for path in ("../../up.png", "/etc/x.png", "a\\b.png", "n" * 300 + ".png"):
        name = folder._name(path, "-blur")
        assert "/" not in name
        assert "\\" not in name
        assert len(name) < 200
