"""The project's own scores against scikit-learn's, ties included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import distortion_heads
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.scores import auroc, average_precision, f1_score, mean_of, precision_recall_f1, share

reference = pytest.importorskip("sklearn.metrics")

SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 5).map(lambda i: i / 5)), min_size=1, max_size=30)
"""Labels with scores, of which many are equal."""


@settings(max_examples=300, deadline=None)
@given(pairs=SCORES)
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = np.array([label for label, _ in pairs]), np.array([score for _, score in pairs])
    positive, negative = scores[labels], scores[~labels]
    found = precision_recall_f1(labels, scores >= 0.5)
    assert found == pytest.approx(
        reference.precision_recall_fscore_support(labels, scores >= 0.5, average="binary", zero_division=0.0)[:3]
    )
    measured = measure(scores, labels, ~labels, 0.5, "test")
    assert measured.f1 == pytest.approx(found[2], abs=1e-5)
    if labels.all() or not labels.any():
        assert auroc(positive, negative) is average_precision(positive, negative) is None
        assert measured.auroc is measured.ap is None
        return
    assert auroc(positive, negative) == pytest.approx(reference.roc_auc_score(labels, scores))
    assert average_precision(positive, negative) == pytest.approx(reference.average_precision_score(labels, scores))
    # rounded to five digits, either way where the sixth is a five but for the last bit
    assert measured.auroc == pytest.approx(reference.roc_auc_score(labels, scores), abs=5.001e-6)
    assert measured.ap == pytest.approx(reference.average_precision_score(labels, scores), abs=5.001e-6)


def test_nothing_to_measure_is_none() -> None:
    assert f1_score(0, 0, 0) is mean_of([None]) is share([]) is None
    assert mean_of([None, 0.5, 1.0]) == 0.75
    assert precision_recall_f1(np.zeros(3, bool), np.zeros(3, bool)) == (0, 0, 0)


def test_the_library_has_no_other_scores() -> None:
    library = Path(distortion_heads.__file__).parent
    others = {"train_on_shards.py"}  # of which only the held-out AUROC while training is left
    users = {
        file.name
        for file in library.rglob("*.py")
        if any(name in file.read_text() for name in ("roc_auc_score", "average_precision_score", "sklearn.metrics"))
    }
    assert users <= others
