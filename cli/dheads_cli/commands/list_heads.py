"""`dheads list`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import click

from dheads_cli.options import PROFILE
from dheads_cli.output.cards import limit_text
from dheads_cli.output.console import is_terminal, printable, stdout_stream, styled, table_text
from dheads_cli.output.head_facts import HeadFacts, bundled_ref, read_facts
from dheads_cli.output.profile_table import write_profiles
from dheads_cli.output.sinks import INDENT
from dheads_cli.session import session_of
from distortion_heads.registry.profiles import Profiles
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.spec import FAMILY


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per head.")
@click.option("--profiles", is_flag=True, help="List the profiles of thresholds of your own instead.")
@PROFILE
@click.pass_context
def list_heads(ctx: click.Context, as_json: bool, profiles: bool, profile: str | None) -> None:
    """List the attached heads: what they detect, how well, and who brought them.

    A family's own head comes first, its kinds are indented below it.

    AUROC is what was measured on held-out pictures when the head was trained; of a quality the rank correlation (SROCC)
    with people's opinion.
    """
    session = session_of(ctx)
    if profiles:
        write_profiles(Profiles(session.store.home, session.registry.profiles()), as_json)
        return
    backbone, own = bundled_ref(), session.profile(profile)
    facts = [read_facts(head, backbone, own) for head in session.checked_registry().heads.values()]
    session.report([f"head {fact.label!r} is left out: {fact.problem}" for fact in facts if fact.problem])
    if as_json:
        stream = stdout_stream(machine=True)
        for fact in facts:
            stream.write(f"{to_json_line(fact.summary())}\n")
        return
    untrained = [fact for fact in facts if not fact.file and not fact.problem]
    _write_list([fact for fact in facts if fact.file], untrained, with_thresholds=own is not None)


def _write_list(usable: Sequence[HeadFacts], untrained: Sequence[HeadFacts], *, with_thresholds: bool) -> None:
    stream, rich = stdout_stream(machine=False), is_terminal(sys.stdout)
    if usable:
        header = ["label", "title", "family", "view", "severity", "AUROC", "owner"]
        styles = {"label": "cyan", "owner": "dim", "view": "dim"}
        own = {fact.family for fact in usable if fact.spec.scope == FAMILY}
        header[5:5] = ["threshold"] if with_thresholds else []
        rows = [
            _row(fact, with_thresholds, indent=fact.family in own and fact.spec.scope != FAMILY)
            for fact in _by_family(usable, own)
        ]
        stream.write(table_text(header, rows, styles, spare="title"))
    else:
        stream.write("No head has weights.\n" if rich else "no head has weights\n")
    labels = ", ".join(fact.label for fact in untrained)
    if labels and rich:
        stream.write(styled("\nWithout weights yet; train with `dheads add-head LABEL --clean DIR`:", "bold"))
        stream.write(styled(labels, "dim"))
    elif labels:
        stream.write(f"\nwithout weights yet: {labels}\n")


def _by_family(facts: Sequence[HeadFacts], own: Collection[str]) -> list[HeadFacts]:
    """Sort by family where it has a head of its own, with that head first; the others stay in their order behind."""
    order = {family: place for place, family in enumerate(sorted(own))}
    return sorted(facts, key=lambda fact: (order.get(fact.family, len(order)), fact.spec.scope != FAMILY))


def _row(fact: HeadFacts, with_threshold: bool, *, indent: bool) -> list[str]:
    file = fact.file
    assert file is not None
    severity = "yes" if "severity" in file.outputs else "no"
    auroc = "-" if file.metrics.auroc is None else f"{file.metrics.auroc:.3f}"
    if file.metrics.srocc is not None:
        auroc = f"SROCC {file.metrics.srocc:.3f}"
    return [
        INDENT * indent + fact.label,
        printable(fact.title),
        fact.family,
        file.view,
        severity,
        *([limit_text(file.threshold.value)] if with_threshold else []),
        auroc,
        printable(fact.owner.distribution),
    ]
