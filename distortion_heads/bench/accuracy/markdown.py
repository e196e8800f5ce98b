"""The report as Markdown: what a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distortion_heads.bench.accuracy.choices import MixtureFigures, Pair
from distortion_heads.bench.accuracy.figures import Figures, HeadFigures
from distortion_heads.bench.accuracy.goals import Goal
from distortion_heads.bench.accuracy.report import Report
from distortion_heads.reports.markdown import number, table

SHOWN_PAIRS = 20
COLUMNS = ("1", "2", "3", "4", "5", "1-2", "3-5", "2-5")
DETECTION = {
    "auroc_clean": "AUROC against clean pictures",
    "auroc_others": "AUROC against all other distortions of the same severities",
    "ap_clean": "AP against clean pictures",
    "ap_others": "AP against all other distortions of the same severities",
}


def to_markdown(report: Report) -> str:
    """The whole report; the plots are beside it."""
    sections = (
        _opening(report),
        _goals(report.goals),
        _summary(report.figures),
        _per_head(report.figures.heads),
        *(_by_severity(report.figures, name, title) for name, title in DETECTION.items()),
        "![AUROC by head and severity](auroc.png)\n\n![Reliability](reliability.png)",
        _nine(report),
        _confusion(report),
        _pairs(report.pairs),
        _mixtures(report.figures.mixtures),
        _sources(report.sources),
        _clean_alarms(report),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _opening(report: Report) -> str:
    setting, figures = report.setting, report.figures
    lines = [
        "# Accuracy",
        f"    {setting.command}",
        f"{len(figures.heads)} heads on the backbone {setting.backbone}; {figures.pictures} clean pictures, of each:"
        f" itself, every distortion at severities 1 to 5, {setting.mixtures} mixtures of two and as many of three"
        f" distinct families with severities from 2 to 5 (seed {setting.seed}); {figures.versions} predictions in all."
        " Shares and scores lie in [0, 1]; a dash is what could not be measured. `report.json` has all figures.",
    ]
    if problems := (*setting.left_out, *setting.unreadable):
        lines.append("Left out:\n\n" + "\n".join(f"- {sentence}" for sentence in problems))
    return "\n\n".join(lines)


def _goals(goals: Sequence[Goal]) -> str:
    answer = {None: "not measured", True: "yes", False: "**no**"}
    rows = [(g.figure, number(g.at_least), number(g.measured), answer[g.met], g.published or "–") for g in goals]
    return "## Goals\n\n" + table(("figure", "at least", "measured", "reached", "best published"), rows)


def _summary(figures: Figures) -> str:
    pools = [
        (pool, *(number(figures.macro[pool][name]) for name in (*DETECTION, "recall", "f1")))
        for pool in (*COLUMNS, "1-5")
    ]
    rows = [
        ("most probable head is the right one, of all heads, severities 2-5", number(figures.top1)),
        ("the same, of the 25 types of KADID-10k", number(figures.top1_kadid)),
        ("right of four choices, all severities", number(figures.four_choice)),
        ("clean pictures on which no head fires", number(figures.clean_silent)),
        ("expected calibration error, mean over heads", number(figures.ece)),
        ("severity: mean absolute error, mean over heads", number(figures.severity_mae)),
        ("severity: rank correlation, mean over heads", number(figures.severity_rank)),
    ]
    families = ((name, number(value)) for name, value in figures.family_top1.items())
    header = ("severities", "AUROC clean", "AUROC others", "AP clean", "AP others", "recall", "F1")
    return "\n\n".join(
        (
            "## All heads",
            table(("figure", "value"), rows),
            "Mean over heads. Recall and F1 are at the shipped thresholds; F1 is against clean and others together.",
            table(header, pools),
            "Most probable head is of the right family, one distortion of severity 2-5:",
            table(("family", "share"), families),
        )
    )


def _per_head(heads: Sequence[HeadFigures]) -> str:
    header = (
        "head", "threshold", "AUROC clean", "AUROC others", "AP clean", "AP others", "recall", "F1", "ECE",
        "alarms on clean", "alarms on others", "severity MAE", "severity rank",
    )  # fmt: skip
    rows = []
    for head in heads:
        found = head.detection["2-5"]
        values = (
            head.threshold, found.auroc_clean, found.auroc_others, found.ap_clean, found.ap_others, found.recall,
            found.f1, head.ece, head.false_alarms_clean, head.false_alarms_others, head.severity_mae,
            head.severity_rank,
        )  # fmt: skip
        rows.append((head.label, *map(number, values)))
    return (
        "## Each head\n\nSeverities 2-5; calibration error and severity over 1-5. Recall, F1 and alarms are at the"
        " shipped threshold.\n\n" + table(header, rows)
    )


def _by_severity(figures: Figures, name: str, title: str) -> str:
    rows = [(head.label, *(number(getattr(head.detection[pool], name)) for pool in COLUMNS)) for head in figures.heads]
    rows.append(("mean", *(number(figures.macro[pool][name]) for pool in COLUMNS)))
    return f"### {title}, by severity\n\n" + table(("head", *COLUMNS), rows)


def _nine(report: Report) -> str:
    if report.nine is None:
        return ""
    whole = {head.label: head for head in report.figures.heads}
    rows = []
    for head in report.nine.heads:
        own, bank = head.detection["2-5"], whole[head.label].detection["2-5"]
        values = (own.auroc_clean, own.auroc_others, bank.auroc_others, own.recall, head.false_alarms_clean)
        rows.append((head.label, *map(number, values)))
    header = ("head", "AUROC clean", "AUROC other eight", "AUROC all others", "recall", "alarms on clean")
    return (
        "## The nine heads of the first release\n\nSeverities 2-5. Clean pictures on which none of the nine fires: "
        f"{number(report.nine.clean_silent)}; most probable of the nine is the right one: {number(report.nine.top1)}."
        "\n\n" + table(header, rows)
    )


def _confusion(report: Report) -> str:
    if len(report.confusion.labels) < 2:
        return ""
    return (
        f"## Which of the {len(report.confusion.labels)} types of KADID-10k\n\nMost probable head of these, one"
        " distortion of severity 2-5.\n\n![Confusion matrix](confusion.png)"
    )


def _pairs(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    rows = [
        (
            f"{pair.a}, {pair.b}",
            *map(
                number,
                (pair.told_apart, pair.a_taken_for_b, pair.b_taken_for_a, pair.b_fires_on_a, pair.a_fires_on_b),
            ),
        )
        for pair in pairs[:SHOWN_PAIRS]
        if pair.a_taken_for_b + pair.b_taken_for_a > 0
    ]
    header = ("a, b", "told apart", "a taken for b", "b taken for a", "b fires on a", "a fires on b")
    return (
        "## Pairs that are most often confused\n\nOne distortion of severity 2-5. Told apart: AUROC of the difference"
        " of the two heads' logits between the two, 0.5 is guessing. Taken for: the most probable head of all.\n\n"
        + table(header, rows)
    )


def _mixtures(mixtures: Mapping[str, MixtureFigures]) -> str:
    measured = {name: mixture for name, mixture in mixtures.items() if mixture.n}
    rows = []
    for name, mixture in measured.items():
        for kind, sets in (("families", mixture.family), ("labels", mixture.label)):
            if sets is not None:
                rows.append(
                    (f"{name}, {kind}", str(mixture.n), *map(number, (sets.exact, sets.micro_f1, sets.macro_f1)))
                )
    header = ("distortions", "pictures", "exact match", "micro F1", "macro F1")
    families = {name: mixture.family.f1 for name, mixture in measured.items() if mixture.family is not None}
    labels = {name: mixture.label.f1 for name, mixture in measured.items() if mixture.label is not None}
    return "\n\n".join(
        (
            "## Mixtures",
            "The set of heads that fire against the set of distortions, severities from 2 to 5, distinct families.",
            table(header, rows),
            "F1 by family:",
            _f1_table("family", families),
            "F1 by label:",
            _f1_table("label", labels),
        )
    )


def _f1_table(kind: str, figures: Mapping[str, Mapping[str, float]]) -> str:
    names = dict.fromkeys(name for by_name in figures.values() for name in by_name)
    rows = ((name, *(number(by_name.get(name)) for by_name in figures.values())) for name in names)
    return table((kind, *figures), rows)


def _sources(sources: Mapping[str, Figures]) -> str:
    rows = []
    for source, figures in sources.items():
        family = figures.mixtures["two"].family
        values = (
            figures.macro["3-5"]["auroc_clean"],
            figures.macro["1-2"]["auroc_clean"],
            figures.macro["2-5"]["auroc_others"],
            figures.top1_kadid,
            figures.four_choice,
            figures.clean_silent,
            None if family is None else family.micro_f1,
            None if family is None else family.exact,
            figures.severity_rank,
            figures.ece,
        )
        rows.append((source, str(figures.pictures), *map(number, values)))
    header = (
        "source", "pictures", "AUROC clean, 3-5", "AUROC clean, 1-2", "AUROC others, 2-5", "top-1 of 25",
        "four-choice", "clean silent", "two, families: micro F1", "exact match", "severity rank", "ECE",
    )  # fmt: skip
    return "## By source of the clean pictures\n\n" + table(header, rows)


def _clean_alarms(report: Report) -> str:
    if not report.clean_alarms:
        return "## Alarms on clean pictures\n\nNone."
    rows = (
        (alarm.picture, alarm.source, ", ".join(f"{label} {number(p)}" for label, p in alarm.heads.items()))
        for alarm in report.clean_alarms
    )
    return "## Alarms on clean pictures\n\n" + table(("picture", "source", "heads that fire"), rows)
