"""`dheads audit`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import (
    is_terminal,
    plain_table,
    printable,
    rendered,
    rich_console,
    rich_table,
    stdout_stream,
)
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads._system.threads import usable_cores
from distortion_heads.datasets.load import KINDS, load_corpus

if TYPE_CHECKING:
    from dheads_cli.output.progress import Bar
    from distortion_heads.datasets.audit.findings import Audit, Finding
    from distortion_heads.datasets.record import Corpus
    from distortion_heads.registry.build import Registry

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("dataset", type=FILE)
@click.option("--kind", type=click.Choice(KINDS), help="What lies there (default: found out).")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Which picture is in which part: a CSV of path,part, or one list per part; may be repeated.",
)
@click.option(
    "--judge",
    type=click.IntRange(min=0),
    default=500,
    show_default=True,
    metavar="N",
    help="Let the attached heads judge N of the pictures; 0 for none.",
)
@click.option(
    "--worth",
    is_flag=True,
    help="Also train heads on the split, and on splits by scene, and say how many points that changes.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Number of threads (default: one per core).")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def audit(
    ctx: click.Context,
    dataset: Path,
    kind: str | None,
    splits: tuple[Path, ...],
    judge: int,
    worth: bool,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Say what is wrong with the dataset in the folder or CSV file DATASET.

    Looks for scenes on both sides of a split (by name and by look), distorted files that equal their reference,
    duplicates, levels that are no severity, classes without clean pictures, codecs, sizes and more that tell a label
    from clean, and labels that the heads doubt. A split is CSV, JSON, text, .npy, .npz or a pickled list, which is read
    without running anything in it.

    Exit status: 0 nothing is wrong (something may be suspect), 1 something is wrong or cannot be read, 2 wrong usage.
    """
    from distortion_heads.datasets.audit.audit import audit_corpus

    if worth and not splits:
        raise click.UsageError("--worth compares a --split with splits by scene: give one")
    corpus = load_corpus(dataset, kind)
    registry = session_of(ctx).checked_registry() if judge else None
    with progress_bar() as bar:
        found = audit_corpus(
            corpus,
            splits=splits,
            registry=registry,
            judged=judge,
            jobs=jobs or usable_cores(),
            progress=lambda stage, done, total: bar.show(done, total, stage, f"{done} of {total}", "files"),
        )
        if worth:
            line = _worth(session_of(ctx).checked_registry(), corpus, splits, bar)
            found = replace(found, checked=(*found.checked, line))
    stdout_stream(machine=as_json).write(_json(found) if as_json else _text(found))
    return 0 if found.sound else 1


def _worth(registry: Registry, corpus: Corpus, splits: tuple[Path, ...], bar: Bar) -> str:
    with needs_train_extra("dheads audit --worth"):
        from distortion_heads.datasets.audit.splits import read_split
        from distortion_heads.evaluation.leak import worth_of_leak
        from distortion_heads.evaluation.methods import Surroundings, make_method
        from distortion_heads.io.content_hashes import content_hashes
        from distortion_heads.training.features.cache import FeatureCache

        hashes = content_hashes([record.path for record in corpus.records])
        cache = FeatureCache.default(os.environ)
        around = Surroundings(registry=registry, corpus=corpus.name, hashes=hashes, cache=cache)
        found = worth_of_leak(
            corpus,
            read_split(splits, corpus),
            hashes,
            make_method("frozen", around),
            progress=lambda done, total, name: bar.show(done, total, "worth", name, "splits"),
        )
    return str(found)


def _json(audit: Audit) -> str:
    import json

    from distortion_heads.datasets.audit.findings import audit_to_dict

    return f"{json.dumps(audit_to_dict(audit), ensure_ascii=True)}\n"


def _text(audit: Audit) -> str:
    facts = {
        "dataset": f"{audit.dataset} ({audit.kind})",
        "holds": f"{audit.records} records of {audit.scenes} scenes, {len(audit.labels)} labels",
        "looked at": "; ".join(audit.checked),
    }
    head = plain_table([[name, printable(value)] for name, value in facts.items()])
    notes = "".join(f"note: {printable(note)}\n" for note in audit.notes)
    verdict = "nothing is wrong" if audit.sound else "wrong: see above"
    if not audit.findings:
        return f"{head}{notes}\n{verdict}\n"
    rows = [_row(finding) for finding in audit.findings]
    if is_terminal(sys.stdout):
        header = ["grade", "count", "what", "such as"]
        table = rendered(rich_console(), rich_table(header, rows, {"grade": "bold", "such as": "dim"}))
    else:
        table = "".join(f"{grade}: {count}: {what}{some and f' ({some})'}\n" for grade, count, what, some in rows)
    return f"{head}{notes}\n{table}\n{verdict}\n"


def _row(finding: Finding) -> list[str]:
    what = f"{finding.check}: {printable(finding.message)}"
    return [finding.grade, f"{finding.count} of {finding.total}", what, ", ".join(map(printable, finding.examples))]
