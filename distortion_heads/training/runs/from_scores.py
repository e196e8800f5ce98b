"""`dheads train --recipe deepfl` and `--recipe lai`: a backbone that learns what metrics say, then people's ratings.

DeepFL-IQA (Lin, Hosu, Saupe 2020) in two runs: on pictures with `scores` the backbone learns all metrics at once, on
rated pictures a shallow regression learns the ratings from its frozen features. Of Lai, Chu, Leng see `lai`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Scale
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.reference.table import METRICS
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_files
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import LAI, SHALLOW_RATES, shallow
from distortion_heads.training.runs.from_dataset import DatasetRun
from distortion_heads.training.runs.lai import learn_rated, pre_train
from distortion_heads.training.runs.learn_opinions import is_scored
from distortion_heads.training.runs.learn_scores import (
    equalized,
    fit_equalizers,
    in_range,
    learn_ratings,
    learn_scores,
    split_parts,
)
from distortion_heads.training.runs.opinions_of_records import find_opinions
from distortion_heads.training.runs.score_run import RATED_LABEL, ScoreRun

Learn: TypeAlias = Callable[[ScoreRun], list[HeadFile]]


@dataclass(frozen=True, kw_only=True)
class ScoresSummary:
    """The heads with their figures on the test part, the size of each part, and what is to be said of the data."""

    heads: tuple[HeadFile, ...]
    sizes: dict[str, int]
    notes: tuple[str, ...]


def train_on_scores(run: DatasetRun, registry: Registry, processes: Processes) -> ScoresSummary:
    """Learn scores of metrics where the pictures have them, else ratings, in the way of the recipe.

    Writes backbone/, heads/ and split.csv into `run.out`. A fifth of the scenes is the test part; a fifth of the others
    validates. Each process calls this.
    Raises `DataError` (also while another run writes there), `BackboneError` or `MissingExtraError`.
    """
    with only_writer(run.out, "dheads train") if processes.is_first else nullcontext():
        corpus = load_corpus(run.data, run.kind)
        pictures = [record for record in corpus.records if not is_video(record)]
        choose = _of_lai if run.choice.recipe.name == LAI.name else _of_deepfl
        records, learn = choose(run, corpus, pictures, registry)
        hashes = content_hashes([record.path for record in records])
        site = run.job(corpus, hashes, registry, processes)
        parts = split_parts(records, hashes, run.choice.recipe.seed)
        learning = ScoreRun(run=run, site=site, parts=parts)
        heads = learn(learning)
        if processes.is_first:
            files = {f"heads/{head.label}.safetensors": dump_head(head) for head in heads}
            write_files(run.out, {**files, "split.csv": learning.split_csv()})
        processes.wait()
    sizes = {name: len(part) for name, part in parts.items()}
    return ScoresSummary(heads=tuple(heads), sizes=sizes, notes=corpus.notes)


def _of_deepfl(
    run: DatasetRun, corpus: Corpus, pictures: Sequence[Record], registry: Registry
) -> tuple[list[Record], Learn]:
    """Return the records to learn from, and what is learnt. Raises `DataError` if there are none."""
    scored = [record for record in pictures if record.scores]
    rated = [record for record in pictures if record.mos is not None]
    if not scored and not rated:
        raise DataError(
            f"{run.data} has neither scores of metrics (make them with dheads synth --kadis) nor ratings (mos)"
        )
    return (scored, _all_scores) if scored else (rated, _shallow_ratings)


def _of_lai(
    run: DatasetRun, corpus: Corpus, pictures: Sequence[Record], registry: Registry
) -> tuple[list[Record], Learn]:
    if scored := [record for record in pictures if is_scored(record)]:
        return scored, pre_train
    name = f"{corpus.name}: {run.data.name}"
    opinions = find_opinions(pictures, registry, name, turned=corpus.mos_lower_better)
    if opinions is None:
        raise DataError(
            f"{run.data} has neither scores of six metrics (make them with dheads synth --levels dbcnn) nor ratings"
            " (mos), nor distortions of known ratings"
        )
    known = np.isfinite(opinions.of(pictures, registry))
    rated = [record for record, is_known in zip(pictures, known, strict=True) if is_known]
    return rated, partial(learn_rated, opinions=opinions)


def _all_scores(learning: ScoreRun) -> list[HeadFile]:
    """Return a head for each metric, which says what share of the pictures is worse."""
    run, site, parts = learning.run, learning.site, learning.parts
    equalizers = fit_equalizers(parts["train"])
    done = learn_scores(run.choice, site, parts, equalizers)
    if site.processes.is_first:
        knots = {
            name: {"knots": each.knots.tolist(), "shares": each.shares.tolist(), "higher_better": each.higher_better}
            for name, each in equalizers.items()
        }
        write_files(run.out, {"equalizers.json": (json.dumps(knots) + "\n").encode()})
    target = equalized(parts["test"], equalizers)
    heads = []
    for place, name in enumerate(equalizers):
        title = METRICS[name].title
        card = learning.card(f"predicted_{name}", f"{title} without the original")
        meaning = f"share of the pictures of {run.data.name} that {title} calls worse"
        scale = Scale(low=0.0, high=1.0, meaning=meaning, target=f"{title} with the original, equalised")
        heads.append(learning.head(card, done.features, done.towers.layers(place), scale, target[:, place]))
    return heads


def _shallow_ratings(learning: ScoreRun) -> list[HeadFile]:
    """Return a head of the ratings, on their own range."""
    run, site, parts = learning.run, learning.site, learning.parts
    name = run.data.name
    every = [record.mos for part in parts.values() for record in part if record.mos is not None]
    low, high = min(every), max(every)
    if low == high:
        raise DataError(f"all pictures are rated {low:g}: there is nothing to learn from that")
    if site.mos_lower_better:  # turned round on the same range
        parts = {
            part: [replace(record, mos=low + high - (record.mos or 0.0)) for record in records]
            for part, records in parts.items()
        }
    choice = replace(run.choice, recipe=shallow(run.choice.recipe), finetune="frozen")
    rates = (choice.recipe.rate,) if "rate" in run.given else SHALLOW_RATES
    done = learn_ratings(choice, site, parts, (low, high), rates)
    turned = f", turned round: {low + high:g} less the rating" if site.mos_lower_better else ""
    scale = Scale(
        low=low, high=high, meaning=f"the ratings of {name}{turned}; {high:g} is best", target=f"ratings of {name}"
    )
    target = np.array([record.mos for record in parts["test"]], np.float32)
    layers = in_range(done.towers.layers(0), low, high)
    return [learning.head(learning.card(RATED_LABEL, "Quality as rated"), done.features, layers, scale, target)]
