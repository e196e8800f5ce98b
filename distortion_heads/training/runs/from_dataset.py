"""`dheads train --data`: a dataset -> a folder with one backbone and a head per label."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Corpus
from distortion_heads.datasets.selection import Selection, select
from distortion_heads.datasets.splits import Partition, split_records
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.text_tables import reread_path
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_files
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.heads.train_head import UNSPECIFIED
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import as_in_paper
from distortion_heads.training.runs.finetune import Fitted, with_metrics
from distortion_heads.training.runs.fit_records import fit_records
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.meon import with_quality


@dataclass(frozen=True, kw_only=True)
class DatasetRun:
    """The request. `labels`: None for all of the dataset's; `kind`: None to find it out.

    The recipe `ameur` is the paper's for that dataset, but for the fields in `given`; ratings are learnt at the best
    rate of those that DeepFL-IQA tries, unless one is given.
    """

    data: Path
    out: Path
    choice: NetworkChoice
    kind: str | None = None
    labels: tuple[str, ...] | None = None
    given: frozenset[str] = frozenset()
    head_license: str = UNSPECIFIED
    command: str = "dheads train"
    report: Callable[[Progress], None] = field(default=lambda progress: None)

    def job(self, corpus: Corpus, hashes: dict[Path, str], registry: Registry, processes: Processes) -> TrainingJob:
        """Return where this run trains on the records of `corpus`, whose files have these `hashes`."""
        return TrainingJob(
            run=self.out,
            backbones=self.out / "backbone",
            cache=FeatureCache(self.out / "cache"),
            hashes=hashes,
            registry=registry,
            processes=processes,
            report=self.report,
            head_license=self.head_license,
            command=self.command,
            data=f"{corpus.name}: {self.data.name}",
            mos_lower_better=corpus.mos_lower_better,
        )


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The result: the heads with their figures on the test part, and the size of each part."""

    fitted: Fitted
    sizes: dict[str, int]
    notes: tuple[str, ...]

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        return self.fitted.heads if self.fitted.quality is None else (*self.fitted.heads, self.fitted.quality)


def train_on_dataset(run: DatasetRun, registry: Registry, processes: Processes) -> Summary:
    """Train, measure on scenes that were never seen, and write backbone/, heads/ and split.csv into `run.out`.

    A fifth of the scenes is the test part; a fifth of the others validates. Each process calls this.
    Raises `DataError` (also while another run writes there), `BackboneError` or `MissingExtraError`.
    """
    with only_writer(run.out, "dheads train") if processes.is_first else nullcontext():
        return _train(run, registry, processes)


def _train(run: DatasetRun, registry: Registry, processes: Processes) -> Summary:
    corpus = load_corpus(run.data, run.kind)
    hashes = content_hashes([record.path for record in corpus.records])
    selection = select(corpus, hashes, run.labels)
    choice = replace(run.choice, recipe=as_in_paper(run.choice.recipe, corpus.name, run.given))
    split = split_records(selection.records, selection.scenes, selection.labels, "disjoint", seed=choice.recipe.seed)
    parts = {name: [selection.records[i] for i in getattr(split, name)] for name in ("train", "validation", "test")}
    site = run.job(corpus, hashes, registry, processes)
    fitted = fit_records(choice, site, parts["train"], parts["validation"], selection.labels)
    if processes.is_first:
        split_name = "scenes of the dataset that were not trained on"
        fitted = with_quality(with_metrics(fitted, parts["test"], split_name), parts["test"], site, split_name)
        _write(run.out, fitted, selection, split)
    processes.wait()
    return Summary(fitted=fitted, sizes={name: len(records) for name, records in parts.items()}, notes=selection.notes)


def _write(out: Path, fitted: Fitted, selection: Selection, split: Partition) -> None:
    heads = (*fitted.heads, *([fitted.quality] if fitted.quality else []))
    part = np.full(len(selection.records), "", dtype=object)
    for name in ("train", "validation", "test"):
        part[getattr(split, name)] = name
    files = {
        **{f"heads/{head.label}.safetensors": dump_head(head) for head in heads},
        "labels.txt": "\n".join([*selection.labels, ""]).encode(),
        "split.csv": split_csv(selection.names, selection.scenes, part.tolist()),
    }
    write_files(out, files)


def split_csv(names: Sequence[str], scenes: Sequence[int], parts: Sequence[str]) -> bytes:
    """Return path,scene,part of records: which ones the figures are from."""
    text = io.StringIO()
    rows = zip(map(reread_path, names), scenes, parts, strict=True)
    csv.writer(text, lineterminator="\n").writerows([("path", "scene", "part"), *rows])
    return text.getvalue().encode("utf-8", "surrogateescape")
