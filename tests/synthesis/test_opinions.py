"""Opinions by physical strength, and series in which quality can only fall."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis.mixtures import operators_of
from distortion_heads.synthesis.opinions import ANCHORS, LOWEST, opinion
from distortion_heads.synthesis.plain import plain_specs
from distortion_heads.synthesis.series import KINDS, RATED, STRENGTHS, draw_series, graded_series
from helpers.little_pictures import scene


def test_every_published_mean_is_met() -> None:
    for label, anchor in ANCHORS.items():
        for value, mean in zip(anchor.values, anchor.means, strict=True):
            assert opinion(label, {anchor.parameter: value}) == pytest.approx(mean), label


def test_opinions_fall_with_severity_and_lie_between_the_levels() -> None:
    specs = {label: head.spec for label, head in build_registry().heads.items()}
    assert set(ANCHORS) <= set(specs)
    for label in ANCHORS:
        parameters = specs[label].parameters
        assert parameters is not None
        found = [opinion(label, parameters(severity)) for severity in np.linspace(1, 5, 17)]
        assert all(LOWEST <= value <= 4.6 for value in found if value is not None), label
        assert all(b <= a + 1e-9 for a, b in pairwise(found) if a and b), label
    assert opinion("gaussian_blur", {"sigma": 2**0.5}) == pytest.approx((2.91 + 1.87) / 2)
    assert opinion("gaussian_blur", {"sigma": 50.0}) == LOWEST
    assert opinion("smoke", {"opacity": 0.5}) is None


@pytest.mark.parametrize("spec", plain_specs(), ids=lambda spec: str(spec.label))
def test_plain_distortions_change_more_the_stronger_they_are(spec: object) -> None:
    image = scene(1).astype(np.float32) / np.float32(255)
    made = [spec.synthesize(image, s, np.random.default_rng(0)) for s in (1.0, 3.0, 5.0)]  # type: ignore[attr-defined]
    errors = [float(np.square(m - image).mean()) for m in made]
    assert errors == sorted(errors)
    assert all(m.dtype == np.float32 and m.min() >= 0 and m.max() <= 1 for m in made)


def test_a_series_is_the_same_for_the_same_seed_and_falls() -> None:
    specs = {label: head.spec for label, head in build_registry().heads.items()}
    operators = operators_of(specs, ("blur", "noise"))
    image = scene(3, 128).astype(np.float32) / np.float32(255)
    drawn = draw_series(operators, np.random.default_rng(1), ((1.0, RATED),))
    first, again = (graded_series(image, drawn, (1, 2), untouched=True) for _ in range(2))
    assert len(first) == 1 + STRENGTHS
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))
    assert (first[0].severity, first[0].label, first[0].mean) == (0, "", 4.6)
    severities = [picture.severity for picture in first]
    assert severities == sorted(severities)
    means = [picture.mean for picture in first]
    assert None not in means
    assert means == sorted(means, reverse=True)  # type: ignore[type-var]
    assert sum(share for share, _ in KINDS) == pytest.approx(1)
