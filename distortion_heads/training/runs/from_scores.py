"""`dheads train --recipe deepfl`: a backbone that learns what metrics say, and a head that learns ratings on it.

DeepFL-IQA (Lin, Hosu, Saupe 2020) in two runs: on pictures with `scores` the backbone learns all metrics at once, on
rated pictures a shallow regression learns the ratings from its frozen features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.splits import number_scenes
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Layer, Provenance, Scale
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.reference.table import METRICS
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_files
from distortion_heads.training.heads.quality_head import new_quality_head, raw_qualities, with_figures
from distortion_heads.training.heads.train_head import HeadCard
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import SHALLOW_RATES, shallow
from distortion_heads.training.runs.finetune import TrainedTowers
from distortion_heads.training.runs.from_dataset import DatasetRun
from distortion_heads.training.runs.job import TrainingJob, versions
from distortion_heads.training.runs.learn_scores import (
    Parts,
    equalized,
    fit_equalizers,
    in_range,
    learn_ratings,
    learn_scores,
    rated_of,
    split_parts,
)

RATED_LABEL = "quality_rated"
SPLIT = "scenes of the dataset that were not trained on"


@dataclass(frozen=True, kw_only=True)
class ScoresSummary:
    """The heads with their figures on the test part, the size of each part, and what is to be said of the data."""

    heads: tuple[HeadFile, ...]
    sizes: dict[str, int]
    notes: tuple[str, ...]


def train_on_scores(run: DatasetRun, registry: Registry, processes: Processes) -> ScoresSummary:
    """Learn scores of metrics where the pictures have them, else ratings; write backbone/ and heads/ into `run.out`.

    A fifth of the scenes is the test part; a fifth of the others validates. Each process calls this.
    Raises `DataError` (also while another run writes there), `BackboneError` or `MissingExtraError`.
    """
    with only_writer(run.out, "dheads train") if processes.is_first else nullcontext():
        corpus = load_corpus(run.data, run.kind)
        pictures = [record for record in corpus.records if not is_video(record)]
        scored = [record for record in pictures if record.scores]
        records = scored or [record for record in pictures if record.mos is not None]
        if not records:
            raise DataError(
                f"{run.data} has neither scores of metrics (make them with dheads synth --kadis) nor ratings (mos)"
            )
        hashes = content_hashes([record.path for record in records])
        site = run.job(corpus, hashes, registry, processes)
        parts = split_parts(records, hashes, run.choice.recipe.seed)
        learning = _Learning(run=run, site=site, parts=parts)
        heads = learning.scores() if scored else learning.ratings()
        if processes.is_first:
            write_files(run.out, {f"heads/{head.label}.safetensors": dump_head(head) for head in heads})
        processes.wait()
    sizes = {name: len(part) for name, part in parts.items()}
    return ScoresSummary(heads=tuple(heads), sizes=sizes, notes=corpus.notes)


@dataclass(frozen=True, kw_only=True)
class _Learning:
    run: DatasetRun
    site: TrainingJob
    parts: Parts

    def scores(self) -> list[HeadFile]:
        """Return a head for each metric, which says what share of the pictures is worse."""
        equalizers = fit_equalizers(self.parts["train"])
        done = learn_scores(self.run.choice, self.site, self.parts, equalizers)
        if self.site.processes.is_first:
            knots = {
                name: {
                    "knots": each.knots.tolist(),
                    "shares": each.shares.tolist(),
                    "higher_better": each.higher_better,
                }
                for name, each in equalizers.items()
            }
            write_files(self.run.out, {"equalizers.json": (json.dumps(knots) + "\n").encode()})
        target = equalized(self.parts["test"], equalizers)
        heads = []
        for place, name in enumerate(equalizers):
            title = METRICS[name].title
            card = self._card(f"predicted_{name}", f"{title} without the original")
            meaning = f"share of the pictures of {self.run.data.name} that {title} calls worse"
            scale = Scale(low=0.0, high=1.0, meaning=meaning, target=f"{title} with the original, equalised")
            heads.append(self._head(card, done, done.towers.layers(place), scale, target[:, place]))
        return heads

    def ratings(self) -> list[HeadFile]:
        """Return a head of the ratings, on their own range."""
        name = self.run.data.name
        every = [record.mos for part in self.parts.values() for record in part if record.mos is not None]
        low, high = min(every), max(every)
        if low == high:
            raise DataError(f"all pictures are rated {low:g}: there is nothing to learn from that")
        parts = self.parts
        if self.site.mos_lower_better:  # turned round on the same range
            parts = {
                part: [replace(record, mos=low + high - (record.mos or 0.0)) for record in records]
                for part, records in parts.items()
            }
        choice = replace(self.run.choice, recipe=shallow(self.run.choice.recipe), finetune="frozen")
        rates = (choice.recipe.rate,) if "rate" in self.run.given else SHALLOW_RATES
        done = learn_ratings(choice, self.site, parts, (low, high), rates)
        turned = f", turned round: {low + high:g} less the rating" if self.site.mos_lower_better else ""
        meaning = f"the ratings of {name}{turned}; {high:g} is best"
        scale = Scale(low=low, high=high, meaning=meaning, target=f"ratings of {name}")
        target = np.array([record.mos for record in parts["test"]], np.float32)
        layers = in_range(done.towers.layers(0), low, high)
        return [self._head(self._card(RATED_LABEL, "Quality as rated"), done, layers, scale, target)]

    def _card(self, label: str, title: str) -> HeadCard:
        return HeadCard(label=label, title=title, family="quality", license=self.run.head_license)

    def _head(
        self, card: HeadCard, done: TrainedTowers, layers: Sequence[Layer], scale: Scale, target: NDArray[np.float32]
    ) -> HeadFile:
        """Return the head with its figures on the test part; `target` (n,) is NaN where a picture has none."""
        head = new_quality_head(card, layers, done.features.backbone.ref, self._provenance(), scale)
        known = np.flatnonzero(np.isfinite(target)).tolist()
        test = [self.parts["test"][i] for i in known]
        raw = raw_qualities(head, rated_of(done, test, target[known]))
        scenes = np.array(number_scenes(test, self.site.hashes), np.int64)
        return with_figures(head, raw, target[known].astype(np.float64), scenes, SPLIT)[0]

    def _provenance(self) -> Provenance:
        used = {self.site.hashes[record.path] for name in ("train", "validation") for record in self.parts[name]}
        return Provenance(
            data=self.site.data,
            data_sha256=hashlib.sha256("\n".join(sorted(used)).encode()).hexdigest(),
            n_pos=len(self.parts["train"]),
            n_neg=0,
            seed=self.run.choice.recipe.seed,
            command=self.site.command,
            versions=versions(),
        )
