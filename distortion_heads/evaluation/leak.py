"""How many points a split gains by the scenes that its parts share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from distortion_heads.datasets.audit.splits import DeclaredSplit
from distortion_heads.datasets.record import Corpus
from distortion_heads.datasets.selection import Selection, select
from distortion_heads.datasets.splits import Partition, split_records
from distortion_heads.errors import DataError
from distortion_heads.evaluation.figures import overall_figures
from distortion_heads.evaluation.method import Method
from distortion_heads.evaluation.run import Progress, Repetition, run_split

REPEATS = 5


@dataclass(frozen=True, kw_only=True)
class LeakWorth:
    """All labels right, in [0, 1]: on the `declared` split, and on splits of the same records by scene, `disjoint`."""

    method: str
    train: str
    test: str
    declared: float
    disjoint: tuple[float, ...]

    @property
    def points(self) -> float:
        """Return the difference to the median, in percentage points."""
        return 100 * (self.declared - float(np.median(self.disjoint)))

    def __str__(self) -> str:
        low, middle, high = (100 * value for value in np.quantile(self.disjoint, (0, 0.5, 1)))
        return (
            f"worth of the split: {self.method}, trained on {self.train}, has all labels right on"
            f" {100 * self.declared:.1f} % of {self.test}; on {len(self.disjoint)} splits of the same pictures by scene"
            f" on {middle:.1f} % ({low:.1f} to {high:.1f}): {self.points:+.1f} points"
        )


def parts_of(split: DeclaredSplit) -> tuple[str, str]:
    """Return the names of the parts that are trained on and tested. Raises `DataError` if that cannot be told."""
    train = [name for name in split.parts if "train" in name.lower()]
    test = [name for name in split.parts if "test" in name.lower()]
    if len(train) != 1 or len(test) != 1 or train == test:
        raise DataError(
            f"which part is trained on and which tested cannot be told from {', '.join(split.parts)}: "
            "call one train and one test"
        )
    return train[0], test[0]


def worth_of_leak(
    corpus: Corpus,
    split: DeclaredSplit,
    hashes: Mapping[Path, str],
    method: Method,
    *,
    seed: int = 0,
    progress: Progress = lambda done, total, name: None,
) -> LeakWorth:
    """Fit `method` on the split and on `REPEATS` splits of its records by scene, and compare.

    `hashes`: SHA-256 of the files. Raises `DataError` if a split lacks something, and whatever the method raises.
    """
    train, test = parts_of(split)
    tested = {record.path for record in split.parts[test]}
    used = tested | {record.path for record in split.parts[train]}
    both = Corpus(
        name=corpus.name,
        folder=corpus.folder,
        labels=corpus.labels,
        records=tuple(record for record in corpus.records if record.path in used),
    )
    selection = select(both, hashes)
    splits = [_declared(selection, tested, seed), *_by_scene(selection, seed)]
    right = []
    for done, parts in enumerate(splits):
        progress(done, len(splits), method.name)
        repetition = Repetition(method=method, protocol="disjoint", share=0.8, seed=seed + done)
        with _work() as work:
            outcome = run_split(repetition, selection, parts, work)
        right.append(float(overall_figures(outcome)["exact"] or 0.0))
    return LeakWorth(method=method.name, train=train, test=test, declared=right[0], disjoint=tuple(right[1:]))


def _declared(selection: Selection, tested: set[Path], seed: int) -> Partition:
    """Return the split as it is, with a fifth of what is trained on, at random, to validate with."""
    is_test = np.array([record.path in tested for record in selection.records], bool)
    rest = np.flatnonzero(~is_test)
    drawn = split_records(
        [selection.records[i] for i in rest],
        [selection.scenes[i] for i in rest],
        selection.labels,
        "shared-scenes",
        seed=seed,
    )
    train = rest[np.sort(np.concatenate([drawn.train, drawn.validation]))]
    return Partition(train=train, validation=rest[drawn.test], test=np.flatnonzero(is_test))


def _by_scene(selection: Selection, seed: int) -> Iterator[Partition]:
    for repeat in range(REPEATS):
        yield split_records(selection.records, selection.scenes, selection.labels, "disjoint", seed=seed + repeat)


@contextmanager
def _work() -> Iterator[Path]:
    with TemporaryDirectory(prefix="dheads-") as folder:
        yield Path(folder)
