"""The report as Markdown: what a person reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from distortion_heads.bench.video.figures import CodingFigures, HeadFigures
from distortion_heads.bench.video.report import VideoReport
from distortion_heads.io.video.options import SegmentRule
from distortion_heads.reports.markdown import number, table


def to_markdown(report: VideoReport) -> str:
    """The whole report; the plots are beside it."""
    sections = (
        _opening(report),
        _summary(report.codings),
        "![F1 by head and codec](f1.png)",
        _by_coding(
            report,
            "F1: frames inside of the interval against the other frames of the file",
            lambda head: number(head.f1_outside),
            lambda coding: number(coding.f1_outside),
        ),
        _by_coding(
            report,
            "F1: frames inside of the interval against frames with other distortions",
            lambda head: number(head.f1_others),
            lambda coding: number(coding.f1_others),
        ),
        _by_coding(
            report,
            "Share of all files' undistorted frames on which the head fires",
            lambda head: number(head.alarms_clean),
            lambda coding: number(coding.alarms_clean),
        ),
        _by_severity(report.codings),
        _edges(report),
        "## Which heads fire on which distortion\n\n![Share of frames on which each head fires](fires.png)",
    )
    return "\n\n".join(sections) + "\n"


def _opening(report: VideoReport) -> str:
    setting, rule = report.setting, SegmentRule()
    clips = ", ".join(
        f"{name} ({setting.rates[name]:.4g} frames/s, {n} {'part' if n == 1 else 'parts'})"
        for name, n in setting.clips.items()
    )
    lines = [
        "# Videos with known distortions",
        f"    {setting.command}",
        f"Heads on the backbone {setting.backbone}: {', '.join(report.labels)}. Clips: {clips}. Every part lasts"
        f" {setting.seconds:g} s and is distorted in the way of each head over one interval (severities 2 to 5 in turn,"
        f" seed {setting.seed}), one draw of the parameters per interval, with noise of its own in every"
        " frame. It is kept lossless (FFV1) and coded as the tables say, at a bit rate that is asked for, and then read"
        " and judged as `dheads predict` does, every frame.",
        "Frames are judged one by one, at the shipped thresholds. Onsets and offsets are those of the segments, by the"
        f" default rule (hysteresis at {rule.low:g} of the threshold, at least {rule.min_length:g} s, gaps up to"
        f" {rule.merge_gap:g} s bridged). Frames with other distortions count as many as those with the head's own, so"
        " that F1 does not depend on how many heads were measured. A dash is what could not be measured;"
        " `report.json` has all figures, AUROC among them.",
    ]
    if setting.left_out:
        lines.append("Left out:\n\n" + "\n".join(f"- {sentence}" for sentence in setting.left_out))
    return "\n\n".join(lines)


def summary_rows(codings: Sequence[CodingFigures]) -> list[tuple[str, ...]]:
    """A header and one row for each coding: the most important figures."""
    header = (
        "codec", "kbit/s", "F1, other frames", "F1, other distortions", "alarms on clean", "found",
        "onset: median", "90 %", "offset: median", "90 %",
    )  # fmt: skip
    rows = [
        (
            coding.coding,
            f"{coding.bit_rate / 1000:.0f}",
            *map(number, (coding.f1_outside, coding.f1_others, coding.alarms_clean)),
            f"{coding.found} of {coding.events}",
            *map(_frames, (coding.onset_median, coding.onset_90, coding.offset_median, coding.offset_90)),
        )
        for coding in codings
    ]
    return [header, *rows]


def _summary(codings: Sequence[CodingFigures]) -> str:
    header, *rows = summary_rows(codings)
    return (
        "## With and without codec\n\nMeans over heads: F1 of frames with the distortion against the other frames of"
        " the file, and against frames with other distortions; the share of undistorted frames on which a head fires;"
        " the intervals found; the absolute errors of their onsets and offsets, in frames.\n\n" + table(header, rows)
    )


def _by_coding(
    report: VideoReport, title: str, of_head: Callable[[HeadFigures], str], mean: Callable[[CodingFigures], str]
) -> str:
    rows = [(label, *(of_head(coding.heads[i]) for coding in report.codings)) for i, label in enumerate(report.labels)]
    rows.append(("mean", *map(mean, report.codings)))
    return f"### {title}\n\n" + table(("head", *(coding.coding for coding in report.codings)), rows)


def _by_severity(codings: Sequence[CodingFigures]) -> str:
    rows = [(level, *(number(coding.recall.get(level)) for coding in codings)) for level in codings[0].recall]
    header = ("severity", *(coding.coding for coding in codings))
    return "### Share of the distorted frames on which the head of their distortion fires, by severity\n\n" + table(
        header, rows
    )


def _edges(report: VideoReport) -> str:
    header = ("head", *(coding.coding for coding in report.codings))
    rows = [(label, *(_errors(coding.heads[i]) for coding in report.codings)) for i, label in enumerate(report.labels)]
    extra = [("all heads", *(str(sum(head.extra for head in coding.heads)) for coding in report.codings))]
    return "\n\n".join(
        (
            "## Onsets and offsets",
            "Intervals found, of all; then the median error of the onset and of the offset in frames, positive if late,"
            " with the largest one of either sign in parentheses.",
            table(header, rows),
            "![Errors of onset and offset](edges.png)",
            "Segments of the head that overlap with no interval of its distortion:",
            table(header, extra),
        )
    )


def _errors(head: HeadFigures) -> str:
    found = f"{head.found}/{head.events}"
    return ", ".join((found, *(_edge(errors) for errors in (head.onset, head.offset) if errors)))


def _edge(errors: Sequence[int]) -> str:
    ordered = sorted(errors)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return f"{middle:+g} ({max(ordered, key=abs):+d})"


def _frames(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
