"""Targets of quality: people's means, and on whose scale a visible difference is read where nobody was asked."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.synthesis.visibility import UNCHANGED
from distortion_heads.training.features.quality_samples import QualitySamples
from distortion_heads.training.heads.quality_targets import ALIKE, opinions_of, scales_of

FAMILIES = ("blur", "noise", "blur", "light", "color", "color")
"""Of six kinds: people were asked about 0 and 1, and of colour about 4."""

ASKED = {0: 2.0, 1: 4.0, 4: 3.0}


def samples(kinds: NDArray[np.int64], structure: NDArray[np.float64], *, reduced: bool = False) -> QualitySamples:
    """Faults whose difference lies in structure alone; means of `ASKED`, a little lower the more is seen."""
    n = len(kinds)
    seen = np.zeros((n, 3), np.float32)
    seen[:, 0] = structure
    means = [ASKED.get(int(kind), np.nan) - float(s) for kind, s in zip(kinds, structure, strict=True)]
    return QualitySamples(
        native=np.zeros((n, 1), np.float16),
        starts=np.arange(n + 1),
        picture=np.zeros((n, 1), np.float16),
        seen=seen,
        mean=np.array(means, np.float32),
        severity=np.full(n, 2.0, np.float32),
        kind=kinds,
        scene=np.zeros(n, np.int64),
        reduced=np.full(n, reduced, np.uint8),
    )


@pytest.fixture
def known() -> QualitySamples:
    kinds = np.repeat(np.arange(6), 40)
    return samples(kinds, np.tile(np.linspace(0.01, 0.2, 40), 6))


def test_a_make_lies_on_the_scale_of_its_family_if_people_judge_that_alike(known: QualitySamples) -> None:
    make = np.flatnonzero(known.kind == 2)
    target = opinions_of(known, scales_of(known, FAMILIES))
    np.testing.assert_allclose(target[make], known.mean[known.kind == 0], atol=0.02)


def test_the_scale_of_families_that_disagree_is_that_of_all(known: QualitySamples) -> None:
    target = opinions_of(known, scales_of(known, FAMILIES))
    mixture = samples(np.full(3, -1), np.array([0.02, 0.1, 0.2]))
    every = opinions_of(mixture, scales_of(known, FAMILIES))
    colour = opinions_of(samples(np.full(3, 5), np.array([0.02, 0.1, 0.2])), scales_of(known, FAMILIES))
    np.testing.assert_array_equal(colour, every)
    assert "color" not in ALIKE
    assert target[known.kind == 2].mean() < target[known.kind == 5].mean()


def test_a_family_of_which_nobody_was_asked_has_the_scale_of_all(known: QualitySamples) -> None:
    # light goes by exposure, of which there is no kind here
    light, every = (
        opinions_of(samples(np.full(2, kind), np.array([0.05, 0.15])), scales_of(known, FAMILIES)) for kind in (3, -1)
    )
    np.testing.assert_array_equal(light, every)


def test_what_was_reduced_since_goes_by_what_is_seen_alone(known: QualitySamples) -> None:
    mild = samples(np.zeros(1, np.int64), np.array([0.01]))
    later = samples(np.zeros(1, np.int64), np.array([0.01]), reduced=True)
    strong = samples(np.zeros(1, np.int64), np.array([0.2]), reduced=True)
    values = [float(opinions_of(one, scales_of(known, FAMILIES))[0]) for one in (mild, later, strong)]
    assert values[0] == pytest.approx((values[1] + float(mild.mean[0])) / 2, abs=1e-5)
    assert values[1] > values[2]


def test_a_good_picture_has_the_opinion_of_an_unchanged_one(known: QualitySamples) -> None:
    known.severity[::5] = 0
    target = opinions_of(known, scales_of(known, FAMILIES))
    assert (target[::5] == np.float32(UNCHANGED)).all()
    assert (target[1::5] < np.float32(UNCHANGED)).all()
