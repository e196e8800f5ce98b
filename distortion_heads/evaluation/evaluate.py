"""Evaluate methods on a dataset: repetitions, figures, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from distortion_heads._system.extras import need_extra
from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Corpus
from distortion_heads.datasets.selection import Selection, candidates, name_in, of_scenes, select
from distortion_heads.datasets.splits import FULL_SHARE, Protocol
from distortion_heads.errors import DataError
from distortion_heads.evaluation.method import Method
from distortion_heads.evaluation.methods import Surroundings, make_method
from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.evaluation.plots import draw_plots
from distortion_heads.evaluation.predictions import predictions_csv
from distortion_heads.evaluation.readable import unread_records
from distortion_heads.evaluation.run import Progress, RepetitionPlan, run_plan
from distortion_heads.evaluation.summary import Dataset, LeftOutFile, Result, result_to_dict, summarize, to_markdown
from distortion_heads.io.content_hashes import readable_hashes
from distortion_heads.io.unread import Unread, left_out_text
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_files, write_report
from distortion_heads.training.features.cache import FeatureCache

DEFAULT_METHODS = ("frozen",)
NEEDED = ("jinja2", "matplotlib", "sklearn", "threadpoolctl")
"""Packages without which no method and no report can be made."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Options of an evaluation. `methods` as in `make_method`; `labels` and `scenes` None: all of the dataset.

    `scenes`: so many, evenly spread over their names. `predictions`: a CSV file for every answer. `note` and `command`
    are quoted in the report.
    """

    out: Path
    methods: tuple[str, ...] = DEFAULT_METHODS
    labels: tuple[str, ...] | None = None
    scenes: int | None = None
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

    `progress(done, total, name)` counts repetitions. Files that cannot be read are left out. Raises `DataError` for a
    dataset or options that cannot be used, `MissingExtraError`, or whatever a method raises; repetitions that are
    finished are kept.
    """
    need_extra("dheads evaluate", *NEEDED)
    corpus = of_scenes(corpus, options.scenes)
    chosen = candidates(corpus, options.labels)
    hashes, broken = readable_hashes([record.path for record in chosen])
    unread = [*corpus.unread, *broken]
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
    try:
        selection = _select(_without(corpus, unread), hashes, methods, options)
        unread += unread_records(selection.records, methods, options.frames, partial(_reading, progress))
        selection = _select(_without(corpus, unread), hashes, methods, options)
        with only_writer(options.out, "dheads evaluate"):
            outcomes = run_plan(_plan(methods, options), selection, options.out, progress)
            result = _result(corpus, selection, options, outcomes, methods, unread)
            _write(result, outcomes, options)
    except DataError as error:
        raise (
            DataError(f"{error}; {left_out_text(unread, len(chosen) + len(corpus.unread))}") if unread else error
        ) from None
    return result


def _reading(progress: Progress, done: int, total: int) -> None:
    progress(done, total, "reading the files")


def _without(corpus: Corpus, unread: Sequence[Unread]) -> Corpus:
    left = {item.path for item in unread}
    return replace(corpus, records=tuple(record for record in corpus.records if record.path not in left))


def _select(
    corpus: Corpus, hashes: Mapping[Path, str], methods: Sequence[Method], options: EvaluateOptions
) -> Selection:
    able = [labels for method in methods if (labels := getattr(method, "labels", None)) is not None]
    return select(corpus, hashes, options.labels, frozenset.intersection(*able) if able else None)


def _plan(methods: tuple[Method, ...], options: EvaluateOptions) -> RepetitionPlan:
    names = ("protocols", "shares", "repeats", "seed", "frames")
    return RepetitionPlan(methods=methods, **{name: getattr(options, name) for name in names})


def _result(
    corpus: Corpus,
    selection: Selection,
    options: EvaluateOptions,
    outcomes: Sequence[Outcome],
    methods: Sequence[Method],
    unread: Sequence[Unread],
) -> Result:
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
        notes=(*selection.notes, *_changes(methods)),
        backbones={method.name: str(name) for method in methods if (name := getattr(method, "backbone", None))},
        left_out=tuple(LeftOutFile(name_in(item.path, corpus.folder), item.reason) for item in unread),
    )


def _changes(methods: Sequence[Method]) -> list[str]:
    """Return a line for each method whose recipe is not that of its paper."""
    found = [(method.name, getattr(method, "changes", "")) for method in methods]
    return [f"{name} is not as its paper or preset has it: {changes}" for name, changes in found if changes]


def _write(result: Result, outcomes: Sequence[Outcome], options: EvaluateOptions) -> None:
    write_report(options.out, "result.json", result_to_dict(result), to_markdown(result), draw_plots(result))
    if (file := options.predictions) is not None:
        write_files(file.parent, {file.name: predictions_csv(outcomes).encode()}, "--predictions")
