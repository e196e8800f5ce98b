"""`dheads evaluate`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.commands.evaluate_quality import QualityRequest, evaluate_quality
from dheads_cli.output.console import complain, plain_table, stdout_stream
from dheads_cli.output.left_out import complain_of_unread
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads.reports.markdown import FEW

if TYPE_CHECKING:
    from distortion_heads.evaluation.summary import Result

PATH = click.Path(path_type=Path)
PROTOCOLS = ("disjoint", "shared-scenes")
COLUMNS = {"exact": "all right", "micro_f1": "micro F1", "macro_f1": "macro F1", "macro_auroc": "AUROC"}
SINGLE = {"single_right": "single right", "single_macro_f1": "single F1"}
"""Columns for those records that have one distortion, where others have several."""


@click.command()
@click.argument("dataset", type=PATH)
@click.option("--kind", metavar="KIND", help="Kind of dataset, as kadid10k (default: found out).")
@click.option("--task", type=click.Choice(["distortions", "quality"]), default="distortions", show_default=True,
              help="quality: compare heads of quality, metrics and BRISQUE with people's ratings.")  # fmt: skip
@click.option("--also", multiple=True, type=PATH, metavar="DATASET",
              help="Task quality: another dataset, for the cross-database table; may be repeated.")  # fmt: skip
@click.option("--scorers", metavar="A,B", help="Task quality: labels of heads, metrics, brisque (default: all).")
@click.option("--method", "methods", multiple=True, metavar="NAME[,OPTION=VALUE...]",
              help="What is compared; may be repeated: frozen (default), shipped, brisque-svm, iqmg, cnn-kang, meon, "
              "ameur, finetune-last-block, finetune-all. Options: backbone, weights, finetune, epochs ...")  # fmt: skip
@click.option("--table", type=click.Choice(["2", "8", "9", "10"]),
              help="What a table of Ameur et al. 2022 compares, on its labels: 2 (to 7) methods, 8 backbones, 9 shares "
              "of the training part, 10 (to 12) methods on LVQ; with what --method adds.")  # fmt: skip
@click.option("--weights", multiple=True, metavar="FILE",
              help="With --table: ImageNet's weights, a file for each backbone that begins with its name, or none; may "
              "be repeated (default: torchvision downloads them).")  # fmt: skip
@click.option("--with", "changes", default="", metavar="OPTION=VALUE[,...]",
              help="With --table: changes of the paper's recipe, as epochs=10,side=112 for two cores.")  # fmt: skip
@click.option("--protocol", type=click.Choice([*PROTOCOLS, "both"]), default="disjoint", show_default=True,
              help="Whether scenes may be both trained on and tested.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, 1000), default=10, show_default=True, help="Random splits.")
@click.option("--shares", metavar="20,40,60,80", help="Percent of the records to train on (default: 80).")
@click.option("--labels", metavar="A,B", help="Only records with these labels, and clean ones (default: all).")
@click.option("--scenes", type=click.IntRange(3), metavar="N",
              help="Only so many scenes, evenly spread over their names (default: all).")  # fmt: skip
@click.option("--out", type=PATH, default=Path("dheads-evaluation"), show_default=True, metavar="DIR",
              help="Folder of the report and of finished repetitions.")  # fmt: skip
@click.option("--predictions", type=PATH, metavar="FILE", help="Write every answer as CSV.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the first repetition.")
@click.option("--frames", type=click.IntRange(1, 64), default=10, show_default=True, help="Judged of each video.")
@click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device.")
@click.option("--note", default="", metavar="TEXT", help="A sentence on the dataset for the report.")
@click.pass_context
def evaluate(
    ctx: click.Context,
    dataset: Path,
    kind: str | None,
    task: str,
    also: tuple[Path, ...],
    scorers: str | None,
    methods: tuple[str, ...],
    table: str | None,
    weights: tuple[str, ...],
    changes: str,
    protocol: str,
    repeats: int,
    shares: str | None,
    labels: str | None,
    scenes: int | None,
    out: Path,
    predictions: Path | None,
    seed: int,
    frames: int,
    device: str,
    note: str,
) -> int:
    """Train on one part of a labelled DATASET (a folder or a CSV file), and measure on another.

    Writes report.md, result.json and plots to the folder --out, and prints the medians. A repetition that is finished
    is never run again. With --task quality nothing is trained but BRISQUE: the scores of rated pictures are compared
    with people's opinions.

    Exit status: 0 all is well, 1 nothing was measured, or files could not be read and are left out, 2 wrong usage.
    """
    if task == "quality":
        request = QualityRequest(datasets=(dataset, *also), kind=kind, scorers=scorers, out=out, device=device)
        evaluate_quality(session_of(ctx), request)
        return 0
    if also or scorers:
        raise click.UsageError("--also and --scorers need --task quality")
    if weights and table is None:
        raise click.UsageError("--weights needs --table; of a --method it is an option, as in ameur,weights=FILE")
    if changes and table is None:
        raise click.UsageError("--with needs --table; of a --method give them as options, as in ameur,epochs=10")
    chosen = _shares(shares)
    registry = session_of(ctx).checked_registry()
    with needs_train_extra("dheads evaluate"), progress_bar(ticking=True) as bar:
        from distortion_heads.datasets.load import load_corpus
        from distortion_heads.evaluation.evaluate import EvaluateOptions, evaluate
        from distortion_heads.evaluation.paper_tables import TABLES, labels_of, methods_of
        from distortion_heads.io.unread import Unread
        from distortion_heads.training.features.cache import FeatureCache

        corpus, asked = load_corpus(dataset, kind), None if labels is None else tuple(_words(labels))
        if table is not None:
            methods = (*methods_of(table, corpus.name, weights, changes), *methods)
            chosen, asked = chosen or TABLES[table].shares, asked or labels_of(corpus.name)
        options = EvaluateOptions(
            out=out,
            methods=methods or EvaluateOptions.methods,
            labels=asked,
            scenes=scenes,
            protocols=PROTOCOLS if protocol == "both" else (protocol,),  # type: ignore[arg-type]
            shares=chosen or EvaluateOptions.shares,
            repeats=repeats,
            seed=seed,
            frames=frames,
            device=device,
            predictions=predictions,
            note=note,
            command=_command(ctx.params, dataset),
        )
        result = evaluate(
            corpus,
            options,
            registry=registry,
            cache=FeatureCache.default(os.environ),
            progress=lambda done, total, name: bar.show(done, total, "evaluate", name, "parts"),
        )
    for line in result.notes:
        session_of(ctx).warn(line)
    stdout_stream(machine=False).write(f"{_table(result)}\nmedians; report: {out / 'report.md'}\n")
    if (least := min((row.n_test for row in result.rows), default=FEW)) < FEW:
        complain(f"note: {least} pictures to test on: figures of fewer than {FEW} are rough")
    unread = [Unread(Path(item.path), item.reason) for item in result.left_out]
    return complain_of_unread(unread, result.dataset.records + len(unread))


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise click.BadParameter("names no label", param_hint="--labels")
    return words


def _shares(text: str | None) -> tuple[float, ...]:
    try:
        shares = tuple(sorted({float(word) / 100 for word in (text or "").split(",") if word.strip()}))
    except ValueError:
        shares = (0.0,)
    if any(not 0 < share <= 0.8 for share in shares):
        raise click.BadParameter("give percents above 0 and up to 80, as in 20,40,60,80", param_hint="--shares")
    return shares


def _command(params: dict[str, Any], dataset: Path) -> str:
    """Return the options that decide the figures, as they were given; of paths only the last part."""
    words = ["dheads", "evaluate", dataset.resolve().name]
    for method in params["methods"]:
        words += ["--method", method]
    for file in params["weights"]:
        words += ["--weights", Path(file).name]
    if params["changes"]:
        words += ["--with", params["changes"]]
    for name in ("table", "kind", "protocol", "repeats", "shares", "labels", "scenes", "seed"):
        if params[name] is not None:
            words += [f"--{name}", str(params[name])]
    return shlex.join(words)


def _table(result: Result) -> str:
    from distortion_heads.evaluation.summary import median

    columns = {**COLUMNS, **(SINGLE if result.dataset.multiple else {})}
    columns["seconds"] = "s/picture" if result.frames is None else "s/frame"
    rows = [["method", "protocol", "share", "pictures", *columns.values()]]
    for row in result.rows:
        values = [median(row.figures, name) for name in columns]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append([row.method, row.protocol, f"{row.share:.0%}", str(row.n_test), *cells])
    return plain_table(rows)
