"""Parts of pictures that are distorted while the rest is not."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.synthesis.parts import Part, draw_part


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(96, 160), (33, 20)])
def test_parts_have_pixels_and_a_weight_that_follows_them(shape: tuple[int, int], soft: bool) -> None:
    whole = 0
    for seed in range(60):
        part = draw_part(shape, np.random.default_rng(seed), soft=soft)
        assert part.inside.shape == part.weight.shape == shape
        assert part.inside.dtype == bool
        assert part.weight.dtype == np.float32
        assert 0 <= part.weight.min() <= part.weight.max() <= 1
        assert part.inside.any()
        whole += bool(part.inside.all())
        if not part.inside.all():
            assert part.weight[part.inside].mean() > part.weight[~part.inside].mean()
    assert 0 < whole < 20


def test_the_box_is_around_the_part() -> None:
    inside = np.zeros((10, 12), bool)
    inside[2:5, 3:9] = True
    assert Part(inside=inside, weight=inside.astype(np.float32)).box == (slice(2, 5), slice(3, 9))
