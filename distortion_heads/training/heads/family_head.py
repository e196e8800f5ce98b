"""Fit the head of a family: present where a fault is seen, absent where there is none, unknown in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile, Layer, Pooling, Provenance
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.thresholds import choose_together
from distortion_heads.spec import FAMILY, FULL, LIGHT, BackboneRef, HeadSpec, View, width_of
from distortion_heads.synthesis.visibility import seen_from, severity_of
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.family_samples import FamilySamples
from distortion_heads.training.heads.calibration import calibrate
from distortion_heads.training.heads.fit_layers import Perceptron, fit_layers
from distortion_heads.training.heads.train_head import HeadCard, answers_of, new_head, window_logits

HIDDEN = 96

MORE, QUIET = 64, 0.3
"""Hidden units that a head gets when it goes on in a wider view, and their weight at first, as a share of the usual."""

FURTHER_STEPS = 1200
"""Steps of a head that goes on: with more it forgets what it knew for what the fresh samples happen to be."""

IN_FOCUS = 0.6
"""Share of a window that must be in focus for it to say that there is no blur."""

POOLING: Mapping[str, Pooling] = {"blur": Pooling(quantile=0.25)}
"""Blur means that nothing is sharp: its sharpest windows tell. All other families take the mean."""

MAX_ANY_ALARM, MAX_REAL_ALARM = 0.1, 0.08
"""Shares of pictures without a fault on which any family may fire: held-out crops of unusual scenes, harder than whole
ones; and real pictures, clean or not looked at closely, of which some may have a fault."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FamilyExamples:
    """Samples for one family: `present` bool (n,), `known` bool (n,), `clean` bool (n,) without any fault."""

    samples: FamilySamples
    present: NDArray[np.bool_]
    known: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    severity: NDArray[np.float32]


def examples_of(samples: FamilySamples, families: Sequence[str], family: str) -> FamilyExamples:
    """Return the samples as examples of `family`."""
    loss = samples.loss[:, families.index(family)]
    present = loss >= seen_from(family)
    severity = np.array([severity_of(value) if 0 < value < np.inf else np.nan for value in loss.tolist()], np.float32)
    clean: NDArray[np.bool_] = (samples.loss == 0).all(axis=1)
    return FamilyExamples(samples=samples, present=present, known=present | (loss == 0), clean=clean, severity=severity)


def fit_family(
    spec: HeadSpec,
    families: Sequence[str],
    fit: FamilySamples,
    hold: FamilySamples,
    backbone: BackboneRef,
    provenance: Provenance,
    license_text: str,
    earlier: HeadFile | None = None,
) -> HeadFile:
    """Fit the head of a family on `fit` and calibrate it on `hold`, of other scenes; its threshold is still .5.

    Goes on from `earlier`, if that is given (`widened`), and ends midway between its weights and those that were then
    found: what it knew of samples that are not seen again is kept (Wortsman et al. 2022).
    """
    start = None if earlier is None else widened(earlier, spec.view, provenance.seed)
    layers = fit_layers(
        _windows(examples_of(fit, families, spec.family), spec.view, spare_unfocused=spec.family == "blur"),
        with_severity=True,
        seed=provenance.seed,
        start=start,
        whitened=False,
        hidden=HIDDEN,
        most_steps=None if start is None else FURTHER_STEPS,
    )
    layers = layers if start is None else _midway(start, layers)
    card = HeadCard(label=spec.label, title=spec.title, family=spec.family, license=license_text, view=spec.view)
    head = replace(new_head(card, layers, backbone, provenance), scope=FAMILY, pooling=POOLING.get(spec.family))
    known = _windows(examples_of(hold, families, spec.family), spec.view)
    return replace(head, calibration=calibrate(window_logits(head, known), known, head.pooling))


def widened(head: HeadFile, view: View, seed: int) -> tuple[Layer, Layer]:
    """Return layers that read `view` and say what `head` says.

    They are its own where it reads that view already; else they get `MORE` hidden units that say little yet. Raises
    `DataError` for a head that reads what is no part of the view, or is no perceptron of two outputs.
    """
    dim = head.backbone.dim
    start = 0 if head.view == view else {("native", FULL): 0, (LIGHT, FULL): dim}.get((head.view, view))
    if start is None or len(head.layers) != 2 or head.layers[-1].out != 2:
        raise DataError(f"the head {head.label!r} is none to go on from: fit it anew, without --start")
    first, last = head.layers
    if head.view == view:
        return first, last
    fresh = Perceptron.random(width_of(view, dim), MORE, last.out, np.random.default_rng(seed))
    inner = np.zeros((len(first.weight), width_of(view, dim)), np.float32)
    inner[:, start : start + first.weight.shape[1]] = first.weight
    new_first, new_last = fresh.layers()
    return (
        replace(first, weight=np.concatenate([inner, new_first.weight]), bias=np.append(first.bias, new_first.bias)),
        replace(last, weight=np.concatenate([last.weight, QUIET * new_last.weight], axis=1)),
    )


def _midway(before: tuple[Layer, Layer], after: tuple[Layer, Layer]) -> tuple[Layer, Layer]:
    first, last = (
        replace(b, weight=(a.weight + b.weight) / np.float32(2), bias=(a.bias + b.bias) / np.float32(2))
        for a, b in zip(before, after, strict=True)
    )
    return first, last


def with_thresholds(
    heads: Sequence[HeadFile],
    families: Sequence[str],
    hold: FamilySamples,
    spared: FamilySamples | None = None,
    unreviewed: FamilySamples | None = None,
) -> tuple[HeadFile, ...]:
    """Return the heads with thresholds that spare pictures without a fault together, and their figures.

    None of them fires on a picture that is `spared`, being clean to the eye; `unreviewed` ones are mostly good, and
    count with these, for of a few of them alone a share says little.
    """
    examples = [examples_of(hold, families, head.family) for head in heads]
    # what is neither seen nor absent is left out of F1: no threshold fires on it
    counted = np.zeros((len(heads), len(hold.loss)))
    for row, head, e in zip(counted, heads, examples, strict=True):
        row[e.known] = answers_of(head, _windows(e, head.view))
    labels, clean = np.stack([e.present for e in examples]), examples[0].clean
    found = [_answers(heads, families, group) for group in (spared, unreviewed) if group is not None]
    floors = None if spared is None else found[0].max(axis=1)
    others = () if not found else ((np.concatenate(found, axis=1), MAX_REAL_ALARM),)
    thresholds = choose_together(counted, labels, clean, MAX_ANY_ALARM, floors, others)
    split = "held-out scenes; faults that are hardly seen left out"
    finished = []
    for head, e, p, threshold in zip(heads, examples, counted, thresholds, strict=True):
        metrics = measure(p[e.known], e.present[e.known], clean[e.known], threshold.value, split)
        finished.append(replace(head, threshold=threshold, metrics=metrics))
    return tuple(finished)


def _answers(heads: Sequence[HeadFile], families: Sequence[str], samples: FamilySamples) -> NDArray[np.float64]:
    """Return the probabilities (heads, n) for samples without a fault."""
    windows = [_windows(examples_of(samples, families, head.family), head.view) for head in heads]
    return np.stack([answers_of(head, seen) for head, seen in zip(heads, windows, strict=True)])


def _windows(examples: FamilyExamples, view: View, *, spare_unfocused: bool = False) -> Examples:
    """Return the windows of samples whose label is known; `spare_unfocused`: of sharp ones only what is in focus."""
    windows, starts = examples.samples.view(view)
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    kept = examples.known[owner]
    if spare_unfocused:
        kept &= examples.present[owner] | (examples.samples.sharp >= IN_FOCUS)
    counts = np.bincount(owner[kept], minlength=len(starts) - 1)
    used = counts > 0
    return Examples(
        windows=windows[kept],
        starts=np.concatenate([[0], np.cumsum(counts[used])]).astype(np.int64),
        labels=examples.present[used],
        severity=examples.severity[used],
        clean=examples.clean[used],
    )
