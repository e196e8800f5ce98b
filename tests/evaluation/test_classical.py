"""Support vector machines on the numbers of BRISQUE and IQM-G."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.classical import NUMBERS, ClassicalMethod, iqmg_numbers
from distortion_heads.evaluation.methods import METHODS, Surroundings, make_method
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.training.features.cache import FeatureCache
from helpers.little_pictures import registry
from helpers.little_records import LABELS, little_corpus

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return little_corpus(tmp_path_factory.mktemp("data"), scenes=9)


def parts(corpus: Corpus) -> tuple[list[Record], list[Record], list[Record]]:
    numbers = [int(record.scene[1:]) for record in corpus.records]
    pairs = list(zip(numbers, corpus.records, strict=True))
    return tuple([record for n, record in pairs if n in wanted] for wanted in (range(5), (5, 6), (7, 8)))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", sorted(NUMBERS))
def test_grain_is_found_in_scenes_that_were_not_seen(corpus: Corpus, tmp_path: Path, kind: str) -> None:
    train, validation, test = parts(corpus)
    judge = ClassicalMethod(name=kind, kind=kind).fit(train, validation, LABELS, seed=0, work=tmp_path)
    probability = judge.probabilities(test)
    truth = np.array([["grain" in record.severities for record in test]]).T
    assert probability.shape == (len(test), 2)
    assert ((probability[:, 1:] >= judge.thresholds[1]) == truth).mean() > 0.9


def test_what_is_timed_remembers_nothing(corpus: Corpus, tmp_path: Path) -> None:
    train, validation, test = parts(corpus)
    method = ClassicalMethod(name="iqmg", kind="iqmg")
    judge = method.fit(train, validation, LABELS, seed=0, work=tmp_path)
    assert set(method.known or {}) == {record.path for record in (*train, *validation)}
    anew = judge.uncached()  # type: ignore[attr-defined]
    assert anew.method.known is None
    assert np.allclose(anew.probabilities(test), judge.probabilities(test))
    for record in train:
        assert np.allclose((method.known or {})[record.path], method.numbers([record])[0])


def test_a_later_run_reads_the_numbers_that_an_earlier_one_wrote(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = list(corpus.records[:4])
    hashes, cache = content_hashes([record.path for record in records]), FeatureCache(tmp_path)
    method = ClassicalMethod(name="iqmg", kind="iqmg", hashes=hashes, cache=cache)
    first = method.numbers(records)
    later = replace(method, known={})
    monkeypatch.setitem(NUMBERS, "iqmg", lambda pixels: np.full(3, np.nan))  # type: ignore[arg-type]
    np.testing.assert_array_equal(later.numbers(records), first)
    assert np.isnan(replace(method, known=None, cache=None).numbers(records)).all()
    damaged = next(path for path in (tmp_path / "features").rglob("*") if path.is_file())
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert np.isnan(replace(method, known={}).numbers(records)).all(axis=1).sum() == 1


def test_parameters_are_what_the_machines_hold(corpus: Corpus, tmp_path: Path) -> None:
    train, validation, _ = parts(corpus)
    judge = ClassicalMethod(name="iqmg", kind="iqmg").fit(train, validation, ("grain",), seed=0, work=tmp_path)
    (machine,) = judge.machines  # type: ignore[attr-defined]
    vectors = len(machine[-1].support_vectors_)
    assert judge.parameters == 2 * 3 + vectors * (3 + 1) + 1  # type: ignore[attr-defined]


def test_pictures_that_are_too_small_are_named(tmp_path: Path) -> None:
    from helpers.little_pictures import save

    small = Record(path=save(tmp_path / "small.png", np.zeros((20, 20, 3), np.uint8)), scene="s", severities={})
    with pytest.raises(DataError, match=r"small\.png.*needs 32 pixels"):
        ClassicalMethod(name="iqmg", kind="iqmg").numbers([small])


def test_they_are_known_by_name_and_take_no_options(corpus: Corpus) -> None:
    around = Surroundings(registry=registry(), corpus="folder", hashes={}, cache=None, frames=3)
    method = make_method("iqmg,as=floor", around)
    assert (method.name, method.key) == ("floor", ClassicalMethod(name="x", kind="iqmg", frames=3).key)
    assert replace(method, frames=4).key != method.key  # type: ignore[type-var]
    with pytest.raises(DataError, match="'brisque-svm' has no options"):
        make_method("brisque-svm,epochs=2", around)
    with pytest.raises(DataError, match="no method 'svm': there are frozen, shipped, brisque-svm, iqmg, ameur"):
        make_method("svm", around)
    assert list(METHODS)[:2] == ["frozen", "shipped"]


def test_numbers_of_iqmg_are_finite() -> None:
    assert np.isfinite(iqmg_numbers(np.zeros((40, 50, 3), np.uint8))).all()
