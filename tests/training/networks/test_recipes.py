"""The recipe of Ameur et al. 2022 for each of their datasets."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from distortion_heads.errors import DataError
from distortion_heads.evaluation.presets import PRESETS
from distortion_heads.training.networks.recipes import RECIPES, as_in_paper, recipe_for
from distortion_heads.views.patches import PatchGrid


@pytest.mark.parametrize(
    ("corpus", "size", "count"),
    [
        ("csiq", (512, 512), 4),
        ("tid2013", (384, 512), 4),
        ("kadid10k", (384, 512), 6),
        ("livemd", (720, 1280), 8),
        ("lvq", (288, 512), 1),
    ],
)
def test_patches_of_a_picture(corpus: str, size: tuple[int, int], count: int) -> None:
    recipe = recipe_for("ameur", corpus)
    grid = PatchGrid(side=recipe.side, stride=recipe.stride, width=recipe.width)
    assert len(grid.corners(*size)) == count


def test_videos_are_whole_frames_ten_videos_a_batch() -> None:
    recipe = recipe_for("ameur", "lvq")
    assert (recipe.side, recipe.width, recipe.tail, recipe.images_per_batch) == (288, 512, "flat", 10)
    assert PRESETS["ameur"].backbone_for("lvq") == "vgg16"
    assert PRESETS["ameur"].backbone_for("kadid10k") == "densenet169"


def test_what_is_given_stays() -> None:
    given = recipe_for("ameur", "lvq", side=96, tail="maxpool")
    assert (given.side, given.width, given.tail) == (96, 512, "maxpool")
    assert as_in_paper(given, "lvq", frozenset({"side", "tail"})) == given
    assert recipe_for("dheads", "lvq") == RECIPES["dheads"]
    with pytest.raises(DataError, match="width=-1 cannot be"):
        recipe_for("ameur", width=-1)


def test_every_preset_has_a_recipe() -> None:
    assert {preset.recipe for preset in PRESETS.values()} <= set(RECIPES)
