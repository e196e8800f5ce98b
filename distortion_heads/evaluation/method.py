"""The methods that `dheads evaluate` compares: those that are fitted on some records and judge others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record


class Judge(Protocol):
    """A fitted method. `thresholds` float64 (labels,): presence means probability >= threshold.

    One that remembers anything of the records also has `uncached()`, the judge to take the time of; one that can count
    them has `parameters`, how many numbers it holds.
    """

    @property
    def thresholds(self) -> NDArray[np.float64]: ...

    def probabilities(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Float64 (records, labels) in [0, 1]."""
        ...


class Method(Protocol):
    """A way of training: frozen backbone and heads, the paper's recipe, fine-tuning ...

    `name` is shown to people; `key` stands for everything that decides the result besides the records, labels and seed.
    A method that cannot judge every label has `labels`, those that it can.
    """

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        """Fit on `train`; `validation` (never a part of the test) decides when to stop, calibration and thresholds.

        `work` is a folder for checkpoints, of this split and seed alone, kept until the judge has answered.
        """
        ...
