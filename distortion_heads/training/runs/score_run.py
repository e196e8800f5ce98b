"""Parts of the dataset and finished heads of quality, for recipes that learn a score of pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.selection import name_in
from distortion_heads.datasets.splits import number_scenes
from distortion_heads.heads.head import HeadFile, Layer, Provenance, Scale
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.heads.quality_head import new_quality_head, rated_records, raw_qualities, with_figures
from distortion_heads.training.heads.train_head import HeadCard
from distortion_heads.training.runs.from_dataset import DatasetRun, split_csv
from distortion_heads.training.runs.job import TrainingJob, versions
from distortion_heads.training.runs.learn_scores import Parts

RATED_LABEL = "quality_rated"
SPLIT = "scenes of the dataset that were not trained on"


@dataclass(frozen=True, kw_only=True)
class ScoreRun:
    """A request, where it trains, and the parts of its dataset: "train", "validation" and "test"."""

    run: DatasetRun
    site: TrainingJob
    parts: Parts

    def card(self, label: str, title: str) -> HeadCard:
        """Return the card of a head of quality."""
        return HeadCard(label=label, title=title, family="quality", license=self.run.head_license)

    def head(
        self,
        card: HeadCard,
        features: RecordFeatures,
        layers: Sequence[Layer],
        scale: Scale,
        target: NDArray[np.float32],
    ) -> HeadFile:
        """Return the head with its figures on the test part; `target` (n,) is NaN where a picture has none."""
        head = new_quality_head(card, layers, features.backbone.ref, self._provenance(), scale)
        known = np.flatnonzero(np.isfinite(target)).tolist()
        test = [self.parts["test"][i] for i in known]
        raw = raw_qualities(head, rated_records(features, test, target[known]))
        scenes = np.array(number_scenes(test, self.site.hashes), np.int64)
        return with_figures(head, raw, target[known].astype(np.float64), scenes, SPLIT)[0]

    def split_csv(self) -> bytes:
        """Return which records are in which part."""
        rows = [(record, part) for part, records in self.parts.items() for record in records]
        records = [record for record, _ in rows]
        names = [name_in(record.path, self.run.data) for record in records]
        return split_csv(names, number_scenes(records, self.site.hashes), [part for _, part in rows])

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
