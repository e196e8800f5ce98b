"""The goals of the whole bank of heads, and those of the first nine."""

from __future__ import annotations

from distortion_heads.bench.accuracy.choices import SetFigures
from distortion_heads.bench.accuracy.figures import Detection, Figures
from distortion_heads.bench.shared.goals import Goal

NINE = (
    "gaussian_blur", "lens_blur", "motion_blur", "white_noise", "impulse_noise", "jpeg", "jpeg2000", "smoke",
    "uneven_illumination",
)  # fmt: skip
"""The heads of the first release, which have goals of their own."""

SOFT = ("smoke", "uneven_illumination")

ASKED = "0.62 (vision-language model), 0.66 (people): arXiv 2604.19966"
CHALLENGE = "{} (ICIP 2020 challenge, laparoscopic video)"


def compare_goals(everything: Figures, nine: Figures | None) -> tuple[Goal, ...]:
    """Return the goals of the whole bank, then those of the nine heads; `nine` is None if one of them is missing."""
    macro = everything.macro
    two: SetFigures | None = everything.mixtures["two"].family
    f1, exact = (None, None) if two is None else (two.micro_f1, two.exact)
    bank = (
        _goal("macro AUROC against clean, severities 3-5", 0.985, macro["3-5"]["auroc_clean"]),
        _goal("macro AUROC against clean, severities 1-2", 0.93, macro["1-2"]["auroc_clean"]),
        _goal("top-1 of the 25 types of KADID-10k, severities 2-5", 0.85, everything.top1_kadid),
        _goal("four-choice, all severities", 0.95, everything.four_choice, ASKED),
        _goal("clean pictures on which no head fires", 0.90, everything.clean_silent),
        _goal("mixtures of two, families: micro F1", 0.93, f1, CHALLENGE.format("0.949")),
        _goal("mixtures of two, families: exact match", 0.80, exact, CHALLENGE.format("0.830")),
        _goal("severity, rank correlation per head, mean", 0.85, everything.severity_rank),
    )
    return bank if nine is None else bank + _nine_goals(nine)


def _nine_goals(nine: Figures) -> tuple[Goal, ...]:
    by_label = {head.label: head.detection["2-5"] for head in nine.heads}
    each = [
        _goal(
            f"nine heads: {label}, AUROC against clean and other eight, the lower, 2-5",
            0.93 if label in SOFT else 0.97,
            _lower(by_label[label]),
        )
        for label in NINE
    ]
    return (*each, _goal("nine heads: clean pictures on which none of them fires", 0.97, nine.clean_silent))


def _goal(figure: str, at_least: float, measured: float | None, published: str = "") -> Goal:
    return Goal(figure=figure, limit=at_least, measured=measured, lower=True, published=published)


def _lower(detection: Detection) -> float | None:
    if detection.auroc_clean is None or detection.auroc_others is None:
        return None
    return min(detection.auroc_clean, detection.auroc_others)
