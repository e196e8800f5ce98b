"""Thresholds that spare clean pictures together."""

from __future__ import annotations

import numpy as np

from distortion_heads.training.heads.thresholds import choose_together


def _overlapping(heads: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half clean, the others with one distortion each; clean and distorted overlap."""
    rng = np.random.default_rng(seed)
    which = np.where(np.arange(n) < n // 2, -1, rng.integers(0, heads, n))
    labels = which[None, :] == np.arange(heads)[:, None]
    logits = rng.normal(-2.5, 1.0, (heads, n)) + 4.0 * labels
    return 1 / (1 + np.exp(-logits)), labels, which < 0


def test_few_clean_pictures_have_any_alarm_however_many_heads() -> None:
    for heads in (2, 30):
        probabilities, labels, clean = _overlapping(heads, 4000, seed=1)
        values = np.array([t.value for t in choose_together(probabilities, labels, clean, max_any=0.05)])
        assert (probabilities[:, clean] >= values[:, None]).any(0).mean() <= 0.05


def test_a_looser_promise_finds_more_distortions() -> None:
    probabilities, labels, clean = _overlapping(20, 4000, seed=2)
    recalls = []
    for max_any in (0.01, 0.2):
        values = np.array([t.value for t in choose_together(probabilities, labels, clean, max_any)])
        recalls.append(((probabilities >= values[:, None]) & labels).sum() / labels.sum())
    assert recalls[1] > recalls[0] + 0.05


def test_heads_that_separate_everything_keep_their_best_threshold() -> None:
    labels = np.array([[False, False, True, False], [False, False, False, True]])
    probabilities = np.where(labels, 0.9, 0.1)
    thresholds = choose_together(probabilities, labels, ~labels.any(0), max_any=0.0)
    assert ((probabilities >= np.array([t.value for t in thresholds])[:, None]) == labels).all()


def test_what_is_allowed_is_used_up() -> None:
    """Prices alone jump from no alarms to all of a head's: between them lie thresholds that still pay."""
    probabilities, labels, clean = _overlapping(12, 3000, seed=3)
    thresholds = choose_together(probabilities, labels, clean, max_any=0.08)
    values = np.array([t.value for t in thresholds])
    fires = probabilities >= values[:, None]
    assert fires[:, clean].any(0).mean() <= 0.08
    f1 = 2 * (fires & labels).sum(1) / (fires.sum(1) + labels.sum(1))
    for head in range(12):
        for value in np.arange(0.02, 0.98, 0.01):
            other = fires.copy()
            other[head] = probabilities[head] >= value
            better = 2 * (other[head] & labels[head]).sum() / (other[head].sum() + labels[head].sum()) > f1[head] + 1e-9
            assert not (better and other[:, clean].any(0).mean() <= 0.08)
