"""Own architectures from random weights."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.backbones.with_torch.networks import CellNetwork, draw_anew
from distortion_heads.views.units import FEATURE_LIMIT


def drawn(seed: int) -> CellNetwork:
    network = CellNetwork(read_backbone(bundled_backbone().weights))
    state = torch.get_rng_state()
    draw_anew(network, seed)
    assert torch.equal(torch.get_rng_state(), state)
    return network


def test_all_but_the_fixed_filters_is_drawn_and_the_file_stays_as_it_is() -> None:
    file = read_backbone(bundled_backbone().weights)
    before = {name: value.copy() for name, value in file.tensors.items()}
    one, same, other = (drawn(seed).tensors() for seed in (0, 0, 1))
    kept = {f"conv{i}.weight" for i, conv in enumerate(file.architecture.convs) if conv.analysis}
    assert kept
    for name in (name for name in one if name.endswith("weight")):
        np.testing.assert_array_equal(one[name], same[name])
        assert np.array_equal(one[name], before[name]) == (name in kept)
        assert np.array_equal(one[name], other[name]) == (name in kept)
    for name, value in before.items():
        np.testing.assert_array_equal(file.tensors[name], value)


def test_features_of_a_picture_differ_and_are_seldom_at_their_limit() -> None:
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (1, 3, 8, 8)), np.ones((1, 1, 16, 16)))
    pictures = np.concatenate([smooth, np.clip(smooth + rng.normal(0, 20, smooth.shape), 0, 255)]).astype(np.float32)
    with torch.no_grad():
        features = drawn(0)(torch.from_numpy(pictures)).numpy()
    assert np.isfinite(features).all()
    assert (np.abs(features) >= FEATURE_LIMIT).mean() < 0.05
    assert (np.abs(features[0] - features[1]) > 0.1).mean() > 0.3
