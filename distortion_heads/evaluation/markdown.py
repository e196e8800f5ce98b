"""The report as Markdown: what a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from distortion_heads.datasets.published.lvq import KIND as LVQ
from distortion_heads.datasets.splits import TEST_SHARE, VALIDATION_SHARE
from distortion_heads.evaluation.plots import confusion_name
from distortion_heads.evaluation.summary import Result, Row, median
from distortion_heads.reports.markdown import number, table

PROTOCOLS = {
    "disjoint": "no scene is in two parts: the test part shows scenes that were never trained on",
    "shared-scenes": "the records of each scene are drawn at random, as in Ameur et al. 2022: every scene of the test"
    " part was trained on with other distortions and levels. It is here to show what that is worth",
}
OVERALL = {
    "exact": "all labels right",
    "micro_precision": "micro precision",
    "micro_recall": "micro recall",
    "micro_f1": "micro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "macro_auroc": "AUROC",
    "macro_ap": "AP",
    "clean_silent": "clean silent",
}
HEAD = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auroc": "AUROC",
    "ap": "AP",
    "false_alarms_clean": "alarms on clean",
    "threshold": "threshold",
}


CHALLENGE = {"micro_f1": "F1, single and multiple", "single_right": "F1, single", "exact": "accuracy"}


def to_markdown(result: Result) -> str:
    """The whole report; the plots are beside it."""
    sections = [_opening(result)]
    for protocol in result.protocols:
        sections.append(_methods(result, protocol))
    sections.append(_leak(result))
    for protocol in result.protocols:
        sections += [_heads(row) for row in result.at(protocol)]
        sections.append(_thresholds(result, protocol))
        sections.append(_shares(result, protocol))
    sections += [_subsets(result), _challenge(result), _confusions(result), _times(result)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _opening(result: Result) -> str:
    data = result.dataset
    repetitions = max(row.repetitions for row in result.rows)
    lines = [f"# Evaluation on {data.folder}", f"    {result.command}"]
    if result.note:
        lines.append(result.note)
    lines.append(
        f"Dataset of the kind `{data.name}`: {data.records} records of {data.scenes} scenes, {data.clean} of them"
        f" clean, {data.multiple} with more than one distortion; labels: {', '.join(result.labels)}. Digest"
        f" `{data.sha256[:16]}`."
    )
    lines.append(
        f"Medians of {repetitions} repetitions (seeds {result.seed} to {result.seed + repetitions - 1}), in brackets"
        f" the least and the most. {TEST_SHARE:.0%} of the data test; {VALIDATION_SHARE:.0%} of the training part"
        " validate (when to stop, calibration, thresholds); clean records are in every part. A dash is what could not"
        " be measured; `result.json` has every figure of every repetition."
    )
    if result.backbones:
        lines.append(
            "Installed backbones, as they were before any fine-tuning: "
            + ", ".join(f"{method} on {name}" for method, name in result.backbones.items())
            + "."
        )
    if result.frames is not None:
        lines.append(f"A video is judged by {result.frames} frames spread evenly over it; they share its labels.")
    if result.notes:
        lines.append("\n".join(f"- {note}" for note in result.notes))
    return "\n\n".join(lines)


def _methods(result: Result, protocol: str) -> str:
    rows = []
    for row in result.at(protocol):
        first, *rest = OVERALL
        cells = (spread_text(row, first), *(number(median(row.figures, name)) for name in rest))
        rows.append((row.method, *cells))
    example = result.at(protocol)[0]
    sizes = f"{example.n_train} records to train on, {example.n_validation} to validate, {example.n_test} to test"
    return (
        f"## Protocol {protocol}\n\n{PROTOCOLS[protocol][0].upper()}{PROTOCOLS[protocol][1:]}. {sizes}.\n\n"
        + table(("method", *OVERALL.values()), rows)
        + "\n\nClean silent: share of the clean records on which no head fires. AUROC and AP: mean over heads."
    )


def _leak(result: Result) -> str:
    if set(result.protocols) != {"disjoint", "shared-scenes"}:
        return ""
    shared = {row.method: row for row in result.at("shared-scenes")}
    rows = []
    for row in result.at("disjoint"):
        cells = []
        for figure in ("exact", "macro_f1", "macro_auroc"):
            honest, leaky = median(row.figures, figure), median(shared[row.method].figures, figure)
            gain = "–" if honest is None or leaky is None else f"{100 * (leaky - honest):+.1f}"
            cells += [number(honest), number(leaky), gain]
        rows.append((row.method, *cells))
    columns = [
        f"{name}, {what}"
        for name in ("all labels right", "macro F1", "AUROC")
        for what in ("disjoint", "shared", "points")
    ]
    return (
        "## What the leak is worth\n\nMedians under both protocols, and the difference in percentage points. A"
        " method that fits nothing, as `shipped`, has nothing to gain: its difference is the chance of the draw.\n\n"
        + table(("method", *columns), rows)
        + "\n\n![Protocols compared](leak.png)"
    )


def _heads(row: Row) -> str:
    rows = [(label, *(number(median(spreads, name)) for name in HEAD)) for label, spreads in row.heads.items()]
    return f"### Each head: {row.method}, {row.protocol}\n\n" + table(("head", *HEAD.values()), rows)


def _thresholds(result: Result, protocol: str) -> str:
    values = list(result.at(protocol)[0].thresholds)
    rows = [(row.method, *(number(row.thresholds[value]["exact"]) for value in values)) for row in result.at(protocol)]
    return (
        f"### One threshold for all heads, {protocol}\n\nAll labels right, by threshold.\n\n"
        + table(("method", *values), rows)
        + f"\n\n![Thresholds](thresholds-{protocol}.png)"
    )


def _shares(result: Result, protocol: str) -> str:
    if len(result.shares) < 2:
        return ""
    rows = []
    for method in result.methods:
        found = {row.share: row for row in result.rows if (row.method, row.protocol) == (method, protocol)}
        rows.append((method, *(spread_text(found[share], "exact") for share in result.shares if share in found)))
    header = ("method", *(f"{share:.0%}" for share in result.shares))
    return (
        f"### Training share, {protocol}\n\nAll labels right, by the share of the data that is trained on (a fifth of"
        " it to validate); the same fifth of the data tests.\n\n"
        + table(header, rows)
        + f"\n\n![Training share](shares-{protocol}.png)"
    )


def _subsets(result: Result) -> str:
    if not result.dataset.multiple:
        return ""
    names = [f"{subset}{figure}" for figure in ("macro_f1", "exact") for subset in ("", "single_", "multiple_")]
    rows = [
        (f"{row.method}, {row.protocol}", *(number(median(row.figures, name)) for name in names))
        for row in _largest(result)
    ]
    header = (
        "method",
        *(f"{figure}, {subset}" for figure in ("macro F1", "all right") for subset in ("all", "single", "multiple")),
    )
    return "## Single and multiple distortions\n\nClean records are among the negatives of each.\n\n" + table(
        header, rows
    )


def _challenge(result: Result) -> str:
    if result.dataset.name != LVQ:
        return ""
    rows = [
        (f"{row.method}, {row.protocol}", *(number(median(row.figures, name)) for name in CHALLENGE))
        for row in _largest(result)
    ]
    return (
        "## As the ICIP 2020 challenge counts\n\nF1 over all videos is micro; F1 on single distortions is the share of"
        " the videos with one distortion that are answered with it alone; accuracy is all labels right. A video is"
        " judged by the mean over its frames. `dheads score2020` ranks by these and by time.\n\n"
        + table(("method", *CHALLENGE.values()), rows)
    )


def _confusions(result: Result) -> str:
    pictures = "\n\n".join(f"![{row.method}, {row.protocol}]({confusion_name(row)})" for row in _largest(result))
    return (
        "## Confusion\n\nRecords with at most one distortion, all repetitions together; the answer is the most probable"
        f" of the heads that fire, clean if none does.\n\n{pictures}"
    )


def _times(result: Result) -> str:
    rows = []
    for row in _largest(result):
        values = [median(row.figures, name) for name in ("seconds", "fit_seconds")]
        rows.append((f"{row.method}, {row.protocol}", *("–" if value is None else f"{value:.3f}" for value in values)))
    unit = "frame" if result.frames is not None else "picture"
    return (
        f"## Time\n\nSeconds on this machine: to judge one {unit}, from its file to the answer, one after another; and"
        " to fit, with what earlier repetitions left in the cache.\n\n" + table(("method", f"a {unit}", "to fit"), rows)
    )


def spread_text(row: Row, figure: str) -> str:
    """Median, least and most."""
    spread = row.figures.get(figure)
    return "–" if spread is None else f"{spread.median:.3f} ({spread.low:.3f}–{spread.high:.3f})"


def _largest(result: Result) -> Sequence[Row]:
    return [row for protocol in result.protocols for row in result.at(protocol)]
