"""Classical comparators: a few numbers of a picture and a support vector machine per label.

BRISQUE and IQM-G are two of those that Ameur et al. 2022 compare with (Tables 2 to 6, 10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.datasets.clips import is_video, read_pictures
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Record
from distortion_heads.errors import InputError
from distortion_heads.evaluation.method import Judge
from distortion_heads.heads.bank import sigmoid
from distortion_heads.io.unread import Unread, unreadable
from distortion_heads.metrics.blind.blocking import jpeg_quality
from distortion_heads.metrics.blind.natural_scenes import brisque_features
from distortion_heads.metrics.blind.noise_level import noise_level
from distortion_heads.metrics.blind.sharpness import s3_sharpness
from distortion_heads.metrics.scores import precision_recall_f1
from distortion_heads.training.features.cache import FeatureCache

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Numbers: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

FORMAT = "1"
"""Changes whenever the same records give other machines."""

PENALTIES = (1.0, 10.0, 100.0)
"""The validation part chooses among them, for each label."""


def iqmg_numbers(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sharpness, JPEG score and level of noise of uint8 (H, W, 3). Raises `InputError` if it is too small."""
    return np.array([s3_sharpness(pixels), jpeg_quality(pixels), noise_level(pixels)])


NUMBERS: Mapping[str, Numbers] = {"brisque-svm": brisque_features, "iqmg": iqmg_numbers}
"""The numbers that the machines of each method read."""


@dataclass(frozen=True, kw_only=True)
class ClassicalMethod:
    """Implements `Method`: `numbers` of each picture, the mean over the `frames` of a video, and machines on these.

    `known` remembers them for the other repetitions, `cache` for later runs, by the files' `hashes` (SHA-256); None
    remembers nothing.
    """

    name: str
    kind: str
    frames: int = FRAMES
    hashes: Mapping[Path, str] = field(default_factory=dict, compare=False, repr=False)
    cache: FeatureCache | None = field(default=None, compare=False, repr=False)
    known: dict[Path, NDArray[np.float64]] | None = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        return f"{self.kind} {FORMAT} penalties {PENALTIES} frames {self.frames}"

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        parts = [(self.numbers(part), _truth(part, labels)) for part in (train, validation)]
        machines = tuple(_fit(parts[0], parts[1], column) for column in range(len(labels)))
        return ClassicalJudge(machines=machines, method=self)

    def numbers(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Return the numbers (records, n). Raises `DataError` if a picture cannot be read or is too small."""
        known = {} if self.known is None else self.known
        new = [record for record in records if record.path not in known]
        with helpers(usable_cores(), "measure") as pool:
            found = dict(zip((record.path for record in new), pool.map(self._of, new), strict=True))
        failed = tuple(Unread(path, value) for path, value in found.items() if isinstance(value, str))
        if failed:
            raise unreadable(failed, len(records))
        known.update({path: value for path, value in found.items() if not isinstance(value, str)})
        return np.array([known[record.path] for record in records])

    def _of(self, record: Record) -> NDArray[np.float64] | str:
        content = self.hashes.get(record.path)
        if self.cache is None or content is None:
            return self._computed(record)
        taken = f"{self.frames} frames" if is_video(record) else "still"
        key = hashlib.sha256("\0".join((self.kind, FORMAT, content, taken)).encode()).hexdigest()
        found = self.cache.read_numbers(key)
        if found is not None:
            return found
        made = self._computed(record)
        if not isinstance(made, str):
            self.cache.write_numbers(key, made)
        return made

    def _computed(self, record: Record) -> NDArray[np.float64] | str:
        try:
            pictures = read_pictures(record, self.frames)
            found = np.array([NUMBERS[self.kind](pixels) for pixels in pictures])
        except InputError as error:
            return str(error)
        mean: NDArray[np.float64] = found.mean(0)
        return mean


@dataclass(frozen=True, kw_only=True)
class ClassicalJudge:
    """Implements `Judge`: a machine per label, which says that it is there where its decision is not negative."""

    machines: tuple[Pipeline, ...]
    method: ClassicalMethod

    @property
    def thresholds(self) -> NDArray[np.float64]:
        return np.full(len(self.machines), 0.5)

    @property
    def parameters(self) -> int:
        """Return the numbers that the machines hold: support vectors, their weights, an offset each, and scales."""
        count = 0
        for machine in self.machines:
            scaler, support = machine[0], machine[-1]
            count += 2 * len(scaler.mean_) + support.support_vectors_.size + support.dual_coef_.size + 1
        return count

    def probabilities(self, records: Sequence[Record]) -> NDArray[np.float64]:
        """Return the logistic function of each machine's decision, float64 (records, labels)."""
        numbers = self.method.numbers(records)
        decisions = np.stack([machine.decision_function(numbers) for machine in self.machines], axis=1)
        return sigmoid(decisions)

    def uncached(self) -> ClassicalJudge:
        """Return the same without what is remembered."""
        return replace(self, method=replace(self.method, known=None, cache=None))


def _truth(records: Sequence[Record], labels: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([[label in record.severities for label in labels] for record in records], bool)


def _fit(
    train: tuple[NDArray[np.float64], NDArray[np.bool_]],
    validation: tuple[NDArray[np.float64], NDArray[np.bool_]],
    column: int,
) -> Pipeline:
    """Return the machine of a label with the best F1 on the validation part, of the least penalty if several have."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def score(machine: Pipeline) -> float:
        return precision_recall_f1(validation[1][:, column], machine.decision_function(validation[0]) >= 0)[2]

    machines = [
        make_pipeline(StandardScaler(), SVC(C=penalty)).fit(train[0], train[1][:, column]) for penalty in PENALTIES
    ]
    return max(machines, key=score)
