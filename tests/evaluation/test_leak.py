"""What a split gains by the scenes that its parts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.datasets.audit.splits import DeclaredSplit
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.leak import REPEATS, parts_of, worth_of_leak
from distortion_heads.io.content_hashes import content_hashes
from helpers.little_records import LABELS, little_corpus


@dataclass(frozen=True)
class Memory:
    """Knows the scenes that it was trained on, and of the others says that nothing is there."""

    name: str = "memory"
    key: str = "memory"

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Recalled:
        assert work.is_dir()
        assert not {record.path for record in train} & {record.path for record in validation}
        return Recalled(frozenset(record.scene for record in train))


@dataclass(frozen=True)
class Recalled:
    scenes: frozenset[str]
    thresholds = np.full(len(LABELS), 0.5)

    def probabilities(self, records: Sequence[Record]) -> np.ndarray:
        return np.array([[float(x in r.severities and r.scene in self.scenes) for x in LABELS] for r in records])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return little_corpus(tmp_path_factory.mktemp("data"), scenes=10)


def split(corpus: Corpus, is_test: Sequence[bool]) -> DeclaredSplit:
    pairs = list(zip(corpus.records, is_test, strict=True))
    parts = {name: tuple(r for r, test in pairs if test == (name == "test")) for name in ("train", "test")}
    return DeclaredSplit(parts=parts)


def test_shared_scenes_are_worth_what_memory_gains(corpus: Corpus) -> None:
    leaky = split(corpus, [i % 5 == 0 for i in range(len(corpus.records))])
    hashes = content_hashes([record.path for record in corpus.records])
    found = worth_of_leak(corpus, leaky, hashes, Memory())
    assert found.declared == 1
    assert found.disjoint == (pytest.approx(1 / 6),) * REPEATS  # the clean picture of six
    assert found.points == pytest.approx(100 * 5 / 6)
    assert str(found) == (
        "worth of the split: memory, trained on train, has all labels right on 100.0 % of test; on 5 splits of the same"
        " pictures by scene on 16.7 % (16.7 to 16.7): +83.3 points"
    )


def test_a_split_by_scene_is_worth_nothing(corpus: Corpus) -> None:
    honest = split(corpus, [record.scene in ("s00", "s01") for record in corpus.records])
    hashes = content_hashes([record.path for record in corpus.records])
    assert worth_of_leak(corpus, honest, hashes, Memory()).points == pytest.approx(0)


@pytest.mark.parametrize("names", [("a", "b"), ("train", "train2"), ("train_test", "other")])
def test_parts_must_say_what_they_are_for(names: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="call one train and one test"):
        parts_of(DeclaredSplit(parts=dict.fromkeys(names, ())))


def test_names_of_parts_may_be_longer() -> None:
    parts = dict.fromkeys(("CSIQ_Test_list", "CSIQ_Train_list", "val"), ())
    assert parts_of(DeclaredSplit(parts=parts)) == ("CSIQ_Train_list", "CSIQ_Test_list")
