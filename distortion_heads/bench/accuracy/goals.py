"""The project's goals, each beside the figure that was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from distortion_heads.bench.accuracy.choices import MixtureFigures, SetFigures
from distortion_heads.bench.accuracy.figures import Detection, Figures

NINE = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "white_noise",
    "impulse_noise",
    "jpeg",
    "jpeg2000",
    "smoke",
    "uneven_illumination",
)
"""The heads of the first release, which have goals of their own."""

SOFT = ("smoke", "uneven_illumination")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure that should be at least so much. `measured` is None where what was measured does not have it."""

    figure: str
    at_least: float
    measured: float | None
    published: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.measured is None else self.measured >= self.at_least


def compare_goals(everything: Figures, nine: Figures | None) -> tuple[Goal, ...]:
    """The goals of the whole bank, then those of the nine heads; `nine` is None if one of them is missing."""
    two = everything.mixtures["two"]
    bank = (
        Goal(
            figure="macro AUROC against clean, severities 3-5",
            at_least=0.985,
            measured=everything.macro["3-5"]["auroc_clean"],
        ),
        Goal(
            figure="macro AUROC against clean, severities 1-2",
            at_least=0.93,
            measured=everything.macro["1-2"]["auroc_clean"],
        ),
        Goal(
            figure="top-1 of the 25 types of KADID-10k, severities 2-5", at_least=0.85, measured=everything.top1_kadid
        ),
        Goal(
            figure="four-choice, all severities",
            at_least=0.95,
            measured=everything.four_choice,
            published="0.62 (vision-language model), 0.66 (people): arXiv 2604.19966",
        ),
        Goal(figure="clean pictures on which no head fires", at_least=0.90, measured=everything.clean_silent),
        Goal(
            figure="mixtures of two, families: micro F1",
            at_least=0.93,
            measured=_of_family(two, lambda family: family.micro_f1),
            published="0.949 (ICIP 2020 challenge, laparoscopic video)",
        ),
        Goal(
            figure="mixtures of two, families: exact match",
            at_least=0.80,
            measured=_of_family(two, lambda family: family.exact),
            published="0.830 (ICIP 2020 challenge, laparoscopic video)",
        ),
        Goal(figure="severity, rank correlation per head, mean", at_least=0.85, measured=everything.severity_rank),
    )
    return bank + _nine_goals(nine)


def _of_family(mixture: MixtureFigures, figure: Callable[[SetFigures], float | None]) -> float | None:
    return None if mixture.family is None else figure(mixture.family)


def _nine_goals(nine: Figures | None) -> tuple[Goal, ...]:
    if nine is None:
        return ()
    by_label = {head.label: head for head in nine.heads}
    return (
        *(
            Goal(
                figure=f"nine heads: {label}, AUROC against clean and other eight, the lower, 2-5",
                at_least=0.93 if label in SOFT else 0.97,
                measured=_lower(by_label[label].detection["2-5"]),
            )
            for label in NINE
        ),
        Goal(
            figure="nine heads: clean pictures on which none of them fires",
            at_least=0.97,
            measured=nine.clean_silent,
        ),
    )


def _lower(detection: Detection) -> float | None:
    if detection.auroc_clean is None or detection.auroc_others is None:
        return None
    return min(detection.auroc_clean, detection.auroc_others)
