"""The parts of a split: what may be shared between them, what must be in each, and which records are there at all."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.selection import Selection, select
from distortion_heads.datasets.splits import PROTOCOLS, Partition, Protocol, split_records
from distortion_heads.errors import DataError
from distortion_heads.io.content_hashes import content_hashes
from helpers.little_records import LABELS, little_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return little_corpus(tmp_path_factory.mktemp("data"), side=16)


def hashes_of(corpus: Corpus) -> dict[Path, str]:
    return content_hashes([record.path for record in corpus.records])


def chosen(corpus: Corpus, *labels: str) -> Selection:
    return select(corpus, hashes_of(corpus), labels or None)


def draw(selection: Selection, protocol: Protocol, seed: int, share: float = 0.8) -> Partition:
    return split_records(selection.records, selection.scenes, selection.labels, protocol, seed=seed, share=share)


def scenes(selection: Selection, index: np.ndarray) -> set[str]:
    return {selection.records[i].scene for i in index}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_every_part_has_every_label_and_clean_records_and_no_record_twice(
    corpus: Corpus, protocol: Protocol, share: float
) -> None:
    selection = chosen(corpus)
    for seed in range(12):
        split = draw(selection, protocol, seed, share)
        parts = (split.train, split.validation, split.test)
        for part in parts:
            records = [selection.records[i] for i in part]
            assert any(record.clean for record in records)
            for label in LABELS:
                assert 0 < sum(label in record.severities for record in records) < len(records)
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))


def test_disjoint_never_shares_a_scene_and_shared_scenes_does(corpus: Corpus) -> None:
    selection = chosen(corpus)
    for seed in range(12):
        split = draw(selection, "disjoint", seed)
        for one, other in combinations((split.train, split.validation, split.test), 2):
            assert not scenes(selection, one) & scenes(selection, other)
        leaky = draw(selection, "shared-scenes", seed)
        assert scenes(selection, leaky.test) <= scenes(selection, leaky.train) | scenes(selection, leaky.validation)
        assert len(scenes(selection, leaky.test)) >= 10


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shares_are_kept_and_the_test_part_does_not_depend_on_them(corpus: Corpus, protocol: Protocol) -> None:
    selection = chosen(corpus)
    whole, half = draw(selection, protocol, 3), draw(selection, protocol, 3, 0.4)
    assert whole.test.tolist() == half.test.tolist()
    total = len(selection.records)
    assert len(whole.test) / total == pytest.approx(0.2, abs=0.05)
    assert (len(half.train) + len(half.validation)) / total == pytest.approx(0.4, abs=0.05)
    assert len(whole.validation) / (len(whole.train) + len(whole.validation)) == pytest.approx(0.2, abs=0.05)


def test_seeds_draw_other_parts_and_the_same_seed_the_same(corpus: Corpus) -> None:
    selection = chosen(corpus)
    parts = {tuple(draw(selection, "disjoint", seed).test.tolist()) for seed in range(8)}
    assert len(parts) > 4
    assert draw(selection, "disjoint", 5).train.tolist() == draw(selection, "disjoint", 5).train.tolist()


def test_scenes_with_a_file_in_common_stay_together(corpus: Corpus) -> None:
    """`s00` and `s01` are one: a file of the one is in the other under another name."""
    stranger = next(record for record in corpus.records if record.scene == "s00" and record.clean)
    copy = stranger.path.with_name("s01_copy.png")
    copy.write_bytes(stranger.path.read_bytes())
    both = replace(corpus, records=(*corpus.records, Record(path=copy, scene="s01")))
    selection = chosen(both)
    assert any("in common: 1" in note for note in selection.notes)
    sides = set()
    for seed in range(12):
        test = scenes(selection, draw(selection, "disjoint", seed).test)
        assert ("s00" in test) == ("s01" in test)
        sides.add("s00" in test)
    assert sides == {True, False}


def test_one_scene_cannot_be_split_and_a_share_beyond_the_training_part_is_refused(corpus: Corpus) -> None:
    alone = replace(corpus, records=tuple(record for record in corpus.records if record.scene == "s02"))
    with pytest.raises(DataError, match="more scenes"):
        draw(chosen(alone), "disjoint", 0)
    with pytest.raises(DataError, match="at most 80%"):
        draw(chosen(corpus), "disjoint", 0, 0.9)


def test_selection_by_label_keeps_clean_records_and_drops_those_with_other_labels(corpus: Corpus) -> None:
    selection = chosen(corpus, "grain")
    assert selection.labels == ("grain",)
    assert {record.labels for record in selection.records} == {(), ("grain",)}
    assert sum(record.clean for record in selection.records) == 12
    assert any("other labels, left out: 36" in note for note in selection.notes)
    with pytest.raises(DataError, match="no record with 'rain'"):
        chosen(corpus, "rain")


def test_labels_that_no_head_judges_are_left_out_with_a_note(corpus: Corpus) -> None:
    selection = select(corpus, hashes_of(corpus), None, {"grain", "haze"})
    assert selection.labels == ("grain",)
    assert any("no head for them: dark" in note for note in selection.notes)
    with pytest.raises(DataError, match="no label is left"):
        select(corpus, hashes_of(corpus), None, {"haze"})


def test_repeated_files_are_left_out_and_the_digest_knows_labels_and_contents(corpus: Corpus) -> None:
    clean = next(record for record in corpus.records if record.clean)
    twin = clean.path.with_name("s00_twin.png")
    twin.write_bytes(clean.path.read_bytes())
    doubled = replace(corpus, records=(*corpus.records, Record(path=twin, scene=clean.scene)))
    assert chosen(doubled).records == chosen(corpus).records
    assert chosen(doubled).sha256 == chosen(corpus).sha256
    last = corpus.records[-1]
    relabelled = replace(corpus, records=(*corpus.records[:-1], replace(last, severities={"dark": 5.0})))
    repainted = replace(corpus, records=(*corpus.records[:-1], replace(last, path=clean.path.with_name("x.png"))))
    (clean.path.parent / "x.png").write_bytes(b"another picture")
    assert len({chosen(each).sha256 for each in (corpus, relabelled, repainted)}) == 3


def test_distortion_that_changed_nothing_counts_as_its_type(corpus: Corpus) -> None:
    """A clean record that the dataset lists as another type is no record of the types that are asked for."""
    listed = replace(
        corpus, records=tuple(replace(record, kind="dark") if record.clean else record for record in corpus.records)
    )
    assert not any(record.clean for record in chosen(listed, "grain").records)
    assert sum(record.clean for record in chosen(listed, "dark").records) == 12
