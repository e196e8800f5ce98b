"""Any heads judged on features that were computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.head import HeadFile
from distortion_heads.spec import VIEWS
from distortion_heads.training.features.records import RecordFeatures


class HeadJudge:
    """Any heads, each on its own view. Implements `Judge`."""

    def __init__(self, heads: tuple[HeadFile, ...], features: RecordFeatures) -> None:
        self._heads, self._features = heads, features
        self.thresholds = np.array([head.threshold.value for head in heads], np.float64)

    @property
    def parameters(self) -> int:
        """Return how many numbers the backbone and the layers of the heads hold."""
        layers = [layer for head in self._heads for layer in head.layers]
        return self._features.backbone.parameters + sum(layer.weight.size + layer.bias.size for layer in layers)

    def probabilities(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """As `Predictor` aggregates them; a video's is the mean over the windows of its frames."""
        result = np.zeros((len(records), len(self._heads)), np.float64)
        for view in VIEWS:
            columns = [column for column, head in enumerate(self._heads) if head.view == view]
            if not columns:
                continue
            bank = HeadBank([self._heads[column] for column in columns])
            for row, windows in enumerate(self._features.of(records, view)):
                answers = bank.answers(windows.astype(np.float32))
                result[row, columns] = [answer.probability for answer in answers]
        return result

    def uncached(self) -> HeadJudge:
        """The same, but everything is computed anew: what is timed."""
        return HeadJudge(self._heads, replace(self._features, cache=None))
