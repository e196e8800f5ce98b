"""Make a head of labelled features: fit, calibrate, choose the threshold, measure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import DataError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import dump_head, parse_head
from distortion_heads.heads.head import OUTPUTS, Calibration, HeadFile, HeadMetrics, Layer, Provenance, Threshold
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.thresholds import NO_LIMITS, Limits, choose_threshold
from distortion_heads.spec import LIGHT, TEMPORAL, VIEWS, BackboneRef, View, check_label
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.calibration import calibrate, image_probabilities
from distortion_heads.training.heads.fit_layers import fit_layers

POOR_AUROC, POOR_FPR_CLEAN, POOR_F1 = 0.8, 0.1, 0.5
"""A head that is worse in any of these is called poor."""

FOLD_WINDOWS = 8000
"""Most windows that the head of one fold is fitted on: large pictures give 64 each, which bounds the time."""

_STATISTICAL = frozenset((LIGHT, TEMPORAL))
"""Views of statistics with long tails, which are not whitened: a head learns less from them then."""

UNSPECIFIED = "unspecified"
"""The licence of a head whose owner names none: it is theirs."""

_UNPRINTABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, bytes that are no UTF-8, separators of lines


@dataclass(frozen=True, kw_only=True)
class HeadCard:
    """The words of a head file; `license` is the owner's to choose, see `UNSPECIFIED`.

    Raises `InvalidLabelError` for the label, `DataError` for any other text that is not one line.
    """

    label: str
    title: str
    family: str
    license: str
    view: View = "native"

    def __post_init__(self) -> None:
        check_label(self.label)
        for name in ("title", "family", "license"):
            check_line(name, getattr(self, name))


def check_line(name: str, text: str) -> str:
    """Return `text` if a file may hold it: one line, not blank, printable. Raises `DataError`."""
    if not text.strip() or any(unicodedata.category(letter) in _UNPRINTABLE for letter in text):
        raise DataError(f"the {name} {text!r} is not one line of printable text: write another")
    return text


def new_head(card: HeadCard, layers: Sequence[Layer], backbone: BackboneRef, provenance: Provenance) -> HeadFile:
    """Return a head that is neither calibrated nor measured, with the weights that its file will hold (float16).

    Raises `HeadFileError` if no file can hold it.
    """
    head = unmeasured(card, layers, backbone, provenance, OUTPUTS[layers[-1].out - 1])
    return parse_head(dump_head(head), card.label)


def unmeasured(
    card: HeadCard,
    layers: Sequence[Layer],
    backbone: BackboneRef,
    provenance: Provenance,
    outputs: tuple[str, ...],
) -> HeadFile:
    """Return a head with these layers that is neither calibrated nor measured."""
    return HeadFile(
        label=card.label,
        title=card.title,
        family=card.family,
        license=card.license,
        created_with=f"distortion-heads {version('distortion-heads')}",
        view=card.view,
        backbone=backbone,
        layers=tuple(layers),
        outputs=outputs,
        calibration=Calibration(),
        threshold=Threshold(),
        metrics=HeadMetrics(split="", n=0),
        provenance=provenance,
    )


def train_head(
    fit: Examples,
    hold: Examples,
    card: HeadCard,
    backbone: BackboneRef,
    provenance: Provenance,
    *,
    seed: int = 0,
    limits: Limits = NO_LIMITS,
    with_severity: bool = False,
    start: tuple[Layer, Layer] | None = None,
) -> HeadFile:
    """Fit a head on `fit`, from the layers `start` if given; calibrate and measure it on `hold`, of other scenes."""
    layers = fit_layers(fit, with_severity=with_severity, seed=seed, start=start, whitened=_is_whitened(card))
    head = new_head(card, layers, backbone, provenance)
    return _measured(head, window_logits(head, hold), hold, limits, "held-out scenes of the training data")


def train_on_folds(
    examples: Examples,
    fold: NDArray[np.int64],
    card: HeadCard,
    backbone: BackboneRef,
    provenance: Provenance,
    *,
    seed: int = 0,
    limits: Limits = NO_LIMITS,
    with_severity: bool = False,
) -> tuple[HeadFile, NDArray[np.float64]]:
    """Fit a head on all examples; calibrate and measure it by the answers of heads that did not see the example's fold.

    `fold` (n,) numbers the fold of each example. Returns the head and those answers: probabilities (n,), calibrated.
    """

    def fitted(part: Examples) -> HeadFile:
        layers = fit_layers(part, with_severity=with_severity, seed=seed, whitened=_is_whitened(card))
        return new_head(card, layers, backbone, provenance)

    logits, count = np.zeros(len(examples.windows)), int(fold.max()) + 1
    for number in range(count):
        rest, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        head = fitted(examples.subset(rest).thinned(FOLD_WINDOWS))
        logits[np.isin(examples.owner, out)] = window_logits(head, examples.subset(out))
    head = _measured(fitted(examples), logits, examples, limits, f"{count}-fold cross-validation by scene")
    return head, _probabilities(head, logits, examples)


def _is_whitened(card: HeadCard) -> bool:
    return card.view not in _STATISTICAL


def _measured(
    head: HeadFile,
    logits: NDArray[np.float64],
    hold: Examples,
    limits: Limits,
    split: str,
) -> HeadFile:
    """Return the head with calibration, threshold and figures by the logits (W,) on `hold`."""
    head = replace(head, calibration=calibrate(logits, hold, head.pooling))
    probabilities = _probabilities(head, logits, hold)
    threshold = choose_threshold(probabilities, hold.labels, hold.clean, limits)
    metrics = measure(probabilities, hold.labels, hold.clean, threshold.value, split)
    return replace(head, threshold=threshold, metrics=metrics)


def _probabilities(head: HeadFile, logits: NDArray[np.float64], examples: Examples) -> NDArray[np.float64]:
    scale, offset = head.calibration.scale, head.calibration.offset
    return image_probabilities(logits, examples.starts, scale, offset, head.pooling)


def answers_of(head: HeadFile, examples: Examples) -> NDArray[np.float64]:
    """Return the probability (n,) that the head gives each image."""
    return _probabilities(head, window_logits(head, examples), examples)


def train_best_head(
    fit: Examples,
    hold: Examples,
    card: HeadCard,
    backbone: BackboneRef,
    provenance: Provenance,
    starts: Sequence[tuple[Layer, Layer] | None],
    *,
    seed: int = 0,
    with_severity: bool = False,
) -> HeadFile:
    """Return the head with the highest AUROC on `hold` of those that `train_head` makes from each of `starts`."""
    heads = [
        train_head(fit, hold, card, backbone, provenance, seed=seed, with_severity=with_severity, start=start)
        for start in starts
    ]
    return max(heads, key=lambda head: head.metrics.auroc or 0.0)


def weakness(head: HeadFile) -> str | None:
    """Return why a head is poor by its figures and what to do, in one line; None if it is not."""
    metrics, faults = head.metrics, []
    if metrics.auroc is not None and metrics.auroc < POOR_AUROC:
        faults.append(f"AUROC {metrics.auroc:.2f}, where chance gives 0.5")
    if metrics.fpr_clean is not None and metrics.fpr_clean > POOR_FPR_CLEAN:
        faults.append(f"false alarms on {metrics.fpr_clean:.0%} of the clean pictures")
    if metrics.f1 is not None and metrics.f1 < POOR_F1:
        faults.append(f"F1 {metrics.f1:.2f}")
    if not faults:
        return None
    others = " or ".join(view for view in VIEWS if view != head.view)
    return (
        f"{head.label!r} is a poor head ({'; '.join(faults)}; on held-out pictures): check the labels, "
        f"give more pictures of both kinds, or try --view {others}"
    )


def window_logits(head: HeadFile, examples: Examples) -> NDArray[np.float64]:
    """Return the presence logits (W,) of every window, through the evaluation that predicts."""
    outputs = HeadBank([head]).evaluate(examples.windows.astype(np.float32))
    logits: NDArray[np.float64] = outputs.logits[0].astype(np.float64)
    return logits
