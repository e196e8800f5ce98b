"""Evaluate methods on a dataset: repetitions, figures, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Corpus
from distortion_heads.datasets.selection import Selection, candidates, select
from distortion_heads.datasets.splits import FULL_SHARE, Protocol
from distortion_heads.errors import DataError
from distortion_heads.evaluation.methods import Surroundings, make_method
from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.evaluation.plots import draw_plots
from distortion_heads.evaluation.predictions import predictions_csv
from distortion_heads.evaluation.run import Progress, RepetitionPlan, run_plan
from distortion_heads.evaluation.summary import Dataset, Result, result_to_dict, summarize, to_markdown
from distortion_heads.io.image_hashes import content_hashes
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_files, write_report
from distortion_heads.training.features.cache import FeatureCache

DEFAULT_METHODS = ("frozen",)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Options of an evaluation. `methods` as in `make_method`; `labels` None: all of the dataset.

    `predictions`: a CSV file for every answer. `note` and `command` are quoted in the report.
    """

    out: Path
    methods: tuple[str, ...] = DEFAULT_METHODS
    labels: tuple[str, ...] | None = None
    protocols: tuple[Protocol, ...] = ("disjoint",)
    shares: tuple[float, ...] = (FULL_SHARE,)
    repeats: int = 10
    seed: int = 0
    frames: int = FRAMES
    device: str = "cpu"
    predictions: Path | None = None
    note: str = ""
    command: str = "dheads evaluate"


def evaluate(
    corpus: Corpus,
    options: EvaluateOptions,
    *,
    registry: Registry,
    cache: FeatureCache | None = None,
    progress: Progress = lambda done, total, name: None,
) -> Result:
    """Run what is not finished yet, write report.md, result.json and the plots to `options.out`.

    `progress(done, total, name)` counts repetitions. Raises `DataError` for a dataset or options that cannot be used,
    or whatever a method raises; repetitions that are finished are kept.
    """
    hashes = content_hashes([record.path for record in candidates(corpus, options.labels)])
    around = Surroundings(
        registry=registry,
        corpus=corpus.name,
        hashes=hashes,
        cache=cache,
        frames=options.frames,
        device=options.device,
    )
    methods = tuple(make_method(text, around) for text in dict.fromkeys(options.methods))
    if len({method.name for method in methods}) < len(methods):
        raise DataError("two --method have one name: give each its own, as in ameur,epochs=2,as=short")
    able = [labels for method in methods if (labels := getattr(method, "labels", None)) is not None]
    selection = select(corpus, hashes, options.labels, frozenset.intersection(*able) if able else None)
    plan = RepetitionPlan(
        methods=methods,
        protocols=options.protocols,
        shares=options.shares,
        repeats=options.repeats,
        seed=options.seed,
        frames=options.frames,
    )
    with only_writer(options.out, "dheads evaluate"):
        outcomes = run_plan(plan, selection, options.out, progress)
        backbones = {method.name: str(name) for method in methods if (name := getattr(method, "backbone", None))}
        result = replace(_result(corpus, selection, options, outcomes), backbones=backbones)
        _write(result, outcomes, options)
    return result


def _result(corpus: Corpus, selection: Selection, options: EvaluateOptions, outcomes: Sequence[Outcome]) -> Result:
    groups: dict[tuple[str, str, float], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.protocol, outcome.method, outcome.share), []).append(outcome)
    records = selection.records
    return Result(
        command=options.command,
        note=options.note,
        dataset=Dataset(
            name=corpus.name,
            folder=corpus.folder.resolve().name,
            sha256=selection.sha256,
            records=len(records),
            scenes=len(set(selection.scenes)),
            clean=sum(record.clean for record in records),
            multiple=sum(len(record.severities) > 1 for record in records),
        ),
        labels=selection.labels,
        frames=options.frames if any(map(is_video, records)) else None,
        seed=options.seed,
        rows=tuple(summarize(group) for group in groups.values()),
        notes=selection.notes,
    )


def _write(result: Result, outcomes: Sequence[Outcome], options: EvaluateOptions) -> None:
    write_report(options.out, "result.json", result_to_dict(result), to_markdown(result), draw_plots(result))
    if (file := options.predictions) is not None:
        write_files(file.parent, {file.name: predictions_csv(outcomes).encode()}, "--predictions")
