"""The scalability report as Markdown: what a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distortion_heads.backbones.architecture import WIDTHS
from distortion_heads.bench.scalability.cost import LOADS
from distortion_heads.bench.scalability.report import (
    Bound,
    ScalabilityReport,
    Setting,
    best_gaps,
    like_gaps,
    memory_growth,
)
from distortion_heads.reports.markdown import number, table

if TYPE_CHECKING:
    from distortion_heads.bench.scalability.attach import Attachment, NewHead
    from distortion_heads.bench.scalability.cost import Cost, Costs
    from distortion_heads.bench.scalability.incremental import LateHead, Score

ANSWER = {None: "not measured", True: "yes", False: "**no**"}
DESIGNS = {
    "heads": "N heads on one backbone",
    "networks": "N separate networks",
    "towers": "N towers on DenseNet169",
}


def to_markdown(report: ScalabilityReport) -> str:
    """The whole report; the plots are beside it."""
    sections = (
        f"# Scalability\n\n    {report.setting.command}",
        _goals(report.goals),
        _incremental(report.late_heads, report.setting),
        _forgetting(report.attachments),
        _costs(report.costs, report.setting),
        _new_head(report.new_head, report.setting),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def bound(goal: Bound) -> str:
    return f"{'at least' if goal.lower else 'at most'} {goal.limit:g}"


def _goals(goals: Sequence[Bound]) -> str:
    rows = [(g.figure, bound(g), number(g.measured), ANSWER[g.met]) for g in goals]
    return "## Goals\n\n" + table(("figure", "goal", "measured", "reached"), rows)


def _incremental(heads: Sequence[LateHead], setting: Setting) -> str:
    if not heads:
        return ""
    others = len(setting.bank) - 1
    text = (
        f"For each distortion below a backbone was trained on the other {others} of a bank of {others + 1}"
        f" ({', '.join(setting.bank)}): it never saw that one. It was frozen, and the head was added by the code of"
        " `dheads add-head --data`. The joint head comes from a training on the whole bank, and was then fitted on the"
        " most pictures, from there and from random weights, as `dheads train` does: the better one on held-out"
        " pictures counts. n pictures: n with the distortion (severities 1 to 5) and n without, by turns clean and with"
        " another distortion of the bank; 28 % of them choose the calibration and the"
        f" threshold. Measured on {setting.test_pictures} pictures with and as many without, cut from scenes that no"
        " training saw; F1 at each head's own threshold."
    )
    small = (
        f"**These networks are small and trained briefly**, so that the bench is quick on two cores: widths"
        f" {', '.join(map(str, setting.widths))} (the bundled backbone: {', '.join(map(str, WIDTHS))}), trained for"
        f" {setting.steps} steps of {setting.batch} native samples each (bundled: 8,000 steps of 84 samples and more)."
        " What counts is the difference between late and joint, not the height."
    )
    best = ("best joint head less late, mean", "–", *(number(gap) for gap in best_gaps(heads).values()))
    like = ("less late, mean", "–", *(number(gap) for gap in like_gaps(heads).values()))
    fresh = (
        "The same heads on the backbone that did see the distortion, fitted from scratch on n pictures: what is missing"
        " here is for lack of pictures, what is missing above and not here for lack of a backbone that knows. The best"
        " joint head is the best of this table, that of the joint training included."
    )
    return "\n\n".join(
        (
            "## Late heads against joint ones",
            text,
            small,
            "AUROC:",
            _scores(heads, "late", "auroc", best),
            "F1:",
            _scores(heads, "late", "f1"),
            "![AUROC of late heads by number of pictures](incremental.png)",
            fresh,
            "AUROC:",
            _scores(heads, "fresh", "auroc", like),
        )
    )


def _scores(heads: Sequence[LateHead], kind: str, figure: str, last: Sequence[str] = ()) -> str:
    def value(score: Score) -> float:
        return float(getattr(score, figure))

    sizes = list(heads[0].late)
    rows = [
        (head.label, number(value(head.joint)), *(number(value(getattr(head, kind)[n])) for n in sizes))
        for head in heads
    ]
    means = [_mean([value(head.joint) for head in heads])]
    means += [_mean([value(getattr(head, kind)[n]) for head in heads]) for n in sizes]
    rows.append(("mean", *map(number, means)))
    header = ("head", "joint", *(f"n = {n}" for n in sizes))
    return table(header, [*rows, last] if last else rows)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _forgetting(attachments: Sequence[Attachment]) -> str:
    if not attachments:
        return ""
    rows = [(each.label, str(each.earlier), str(each.compared), str(each.changed)) for each in attachments]
    return (
        "## No forgetting\n\nThe bundled heads in a store of their own, the last of them attached one by one. After"
        " each attachment every probability and severity of the earlier heads is compared with the one before, bit for"
        " bit.\n\n" + table(("attached", "earlier heads", "outputs compared", "changed"), rows)
    )


def _costs(costs: Costs | None, setting: Setting) -> str:
    if costs is None:
        return ""
    growth = memory_growth(costs)
    text = (
        "A picture of 512x384 (PNG, decoding included), CPU seconds on one thread, the median of"
        f" {costs.rounds} rounds by turns (towers: 3); loading and memory of each number of heads in processes of"
        f" their own, the median of {LOADS} (towers: one). The heads are copies of a bundled one under other labels,"
        f" {costs.file / 1024:.0f} KiB each on disk (float16), {costs.own / 1024:.0f} KiB of weights as evaluated"
        f" (float32), on {setting.backbone}. A separate"
        " network is a backbone of its own with one head. A tower is FC 512-512-1 on 2x2-pooled DenseNet169 features of"
        " six patches of 224 (Ameur et al. 2022), 7.9 M parameters, random weights. Rows marked * were not run but lie"
        " on the straight line through the last two that were. Loading: registry, backbone and heads."
    )
    parts = ["## Cost against the number of heads", text]
    for design, title in DESIGNS.items():
        parts += [f"### {title}", _cost_table(costs.of(design))]  # type: ignore[arg-type]
    if growth is not None:
        parts.append(
            f"Each head adds {growth / 1024:.0f} KiB to the peak memory: {growth / costs.own:.2f} times its float32"
            f" weights, {growth / costs.file:.2f} times its file."
        )
    parts.append("![Time and memory against the number of heads](cost.png)")
    return "\n\n".join(parts)


def _cost_table(rows: Sequence[Cost]) -> str:
    first = rows[0].seconds
    cells = [
        (
            f"{row.heads}{' *' if row.extrapolated else ''}",
            f"{1000 * row.seconds:.1f}",
            f"{row.seconds / first:.2f}",
            f"{1000 * row.wall:.1f}",
            f"{row.load:.2f}",
            f"{row.peak / 2**20:.0f}",
            f"{row.per_picture / 2**20:.0f}",
            f"{row.disk / 2**20:.1f}",
        )
        for row in rows
    ]
    header = (
        "N", "CPU ms per picture", ": one head", "ms on the clock", "load s", "peak MiB", "of it for a picture",
        "disk MiB",
    )  # fmt: skip
    return table(header, cells)


def _new_head(new: NewHead | None, setting: Setting) -> str:
    if new is None:
        return ""
    rows = [
        ("reading the pictures and one pass of the backbone", f"{new.one_pass:.2f}", f"{new.one_pass_cpu:.2f}"),
        ("add-head, from files to the written head", f"{new.add_head:.2f}", f"{new.add_head_cpu:.2f}"),
        (f"joint training, {new.joint_steps} steps of {new.step:.2f} s", f"{new.joint:.0f}", "–"),
    ]
    return (
        f"## Time to a new head\n\n`dheads add-head --data` from {new.pictures} pictures of at most 512x384, nothing"
        f" cached, on the bundled backbone with {setting.cores} cores. Joint training of everything: the time of one"
        " step of the bundled architecture, measured in the same run, times the recipe's steps; making its pictures and"
        " fitting its heads come on top and are not counted.\n\n"
        + table(("what", "s on the clock", "CPU s"), rows)
        + f"\n\nadd-head : one pass is {new.add_head / new.one_pass:.2f} on the clock and"
        f" {new.add_head_cpu / new.one_pass_cpu:.2f} in CPU time."
    )
