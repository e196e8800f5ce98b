"""Thresholds that spare clean pictures together."""

from __future__ import annotations

import numpy as np

from distortion_heads.metrics.thresholds import Limits, choose_threshold, choose_together


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


def test_no_threshold_lies_below_its_floor() -> None:
    probabilities, labels, clean = _overlapping(4, 3000, seed=5)
    free = [t.value for t in choose_together(probabilities, labels, clean, max_any=0.2)]
    floors = np.array([0.0, free[1] + 0.1, 0.0, 0.99])
    bound = [t.value for t in choose_together(probabilities, labels, clean, max_any=0.2, floors=floors)]
    assert bound[1] > floors[1]
    assert bound[3] == 0.98, "the end of the grid"
    assert (bound[0], bound[2]) <= (free[0], free[2]), "what the others do not use up is left to these"


def test_every_group_keeps_its_own_limit() -> None:
    probabilities, labels, clean = _overlapping(4, 3000, seed=6)
    harder = np.random.default_rng(7).uniform(0, 1, (4, 200))
    free = np.array([t.value for t in choose_together(probabilities, labels, clean, 0.2)])
    values = np.array([t.value for t in choose_together(probabilities, labels, clean, 0.2, others=[(harder, 0.3)])])
    assert (harder >= free[:, None]).any(0).mean() > 0.3
    assert (harder >= values[:, None]).any(0).mean() <= 0.3
    assert (probabilities[:, clean] >= values[:, None]).any(0).mean() <= 0.2


def test_caution_where_few_are_clean() -> None:
    rng = np.random.default_rng(0)
    fired, careless = [], []
    for _ in range(40):
        clean = 1 / (1 + np.exp(-rng.normal(-2, 1, 25)))
        p = np.concatenate([1 / (1 + np.exp(-rng.normal(1.5, 1, 25))), clean])
        labels = np.arange(50) < 25
        unseen = 1 / (1 + np.exp(-rng.normal(-2, 1, 1000)))
        for rates, cautious in ((fired, True), (careless, False)):
            limits = Limits(clean=0.02, cautious=cautious)
            rates.append((unseen >= choose_threshold(p, labels, ~labels, limits).value).mean())
    assert np.mean(fired) <= 0.02
    assert np.max(fired) < np.max(careless)


def test_caution_leaves_most_of_what_is_found() -> None:
    rng = np.random.default_rng(1)
    clean = 1 / (1 + np.exp(-rng.normal(0, 2, 25)))
    p = np.concatenate([np.linspace(0.9, 0.97, 25), np.minimum(clean, 0.88)])
    labels = np.arange(50) < 25
    threshold = choose_threshold(p, labels, ~labels, Limits(clean=0.02, cautious=True)).value
    assert (p[labels] >= threshold).mean() > 0.5


def test_limit_on_other_distortions() -> None:
    p = np.concatenate([np.linspace(0.5, 0.9, 10), np.full(10, 0.1), np.linspace(0.3, 0.8, 10)])
    labels, clean = np.arange(30) < 10, (np.arange(30) >= 10) & (np.arange(30) < 20)
    threshold = choose_threshold(p, labels, clean, Limits(clean=0.02, others=0.03))
    assert threshold.objective == "f1 with false alarms on clean <= 0.02 and on others <= 0.03"
    assert not (p[20:] >= threshold.value).any()
    assert (p[20:] >= choose_threshold(p, labels, clean, Limits(clean=0.02)).value).any()


def test_caution_heeds_all_that_is_not_positive() -> None:
    """Twenty-five clean pictures that happen to be easy say too little: the tail of the others is what others have."""
    rng = np.random.default_rng(2)
    clean, others = rng.normal(-3, 0.7, 25), rng.standard_t(3, 120) - 3
    logits = np.concatenate([rng.normal(5, 1, 25), clean, others])
    p = 1 / (1 + np.exp(-logits))
    labels, is_clean = np.arange(170) < 25, (np.arange(170) >= 25) & (np.arange(170) < 50)
    limits = Limits(clean=0.02, others=0.03, cautious=True)
    threshold = choose_threshold(p, labels, is_clean, limits).value
    assert (p[~labels] >= threshold).mean() <= 0.02
    assert (p[labels] >= threshold).mean() > 0.7
    careless = choose_threshold(p, labels, is_clean, Limits(clean=0.02, others=0.03)).value
    assert threshold >= careless
