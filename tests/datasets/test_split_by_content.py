"""A scene is on one side of the split, both sides have both classes, and what cannot be kept apart is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from distortion_heads.datasets.labelled_image import LabelledImage
from distortion_heads.datasets.split_by_content import SAME_SCENE_BITS, HoldOut, folds_by_content, split_by_content
from distortion_heads.errors import DataError
from distortion_heads.io.image_hashes import difference_hash
from helpers.little_pictures import noisy, scene


def image(name: str, label: bool, group: str | None = None) -> LabelledImage:
    return LabelledImage(path=Path(name), label=label, group=group)


def pairs(count: int, positive: str = "fog/{}.png", negative: str = "clean/{}.png") -> list[LabelledImage]:
    """For each scene a positive, then for each a negative."""
    sides = ((positive, True), (negative, False))
    return [image(pattern.format(f"s{i}"), label) for pattern, label in sides for i in range(count)]


def unrelated(count: int) -> list[int | None]:
    """Hashes of scenes that do not look alike."""
    return [int(value) for value in np.random.default_rng(3).integers(0, 2**63, count)]


def held(split: HoldOut) -> set[int]:
    return set(split.hold.tolist())


def distance(a: int | None, b: int | None) -> int:
    assert a is not None
    assert b is not None
    return (a ^ b).bit_count()


def test_hash_tells_scenes_apart_but_not_their_distorted_versions() -> None:
    for seed in range(8):
        pixels = scene(seed, 160)
        reference = difference_hash(pixels)
        blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)))
        for version in (noisy(pixels, seed), blurred, (pixels * 0.7).astype(np.uint8)):
            assert distance(difference_hash(version), reference) <= SAME_SCENE_BITS
        assert distance(difference_hash(scene(seed + 100, 160)), reference) > 2 * SAME_SCENE_BITS


def test_hash_is_the_sign_of_the_differences_along_rows() -> None:
    ramp = np.broadcast_to(np.arange(0, 180, dtype=np.uint8)[None, :, None], (64, 180, 3)).copy()
    assert difference_hash(ramp) == 2**64 - 1
    assert difference_hash(np.ascontiguousarray(ramp[:, ::-1])) == 0


def test_flat_picture_has_no_hash() -> None:
    flat = np.full((40, 50, 3), 90, np.uint8)
    assert difference_hash(flat) is None
    assert difference_hash(noisy(np.full((400, 500, 3), 90, np.uint8), 0)) is None


def test_split_covers_all_and_holds_out_a_quarter_of_each_class() -> None:
    images = pairs(50)
    split = split_by_content(images, unrelated(100), 0)
    assert sorted([*split.fit, *split.hold]) == list(range(100))
    assert split.note is None
    for label in (True, False):
        assert 0.25 <= np.mean([i in held(split) for i in range(100) if images[i].label == label]) <= 0.31


def test_seed_decides() -> None:
    images, scenes = pairs(40), unrelated(80)
    first, again, other = (held(split_by_content(images, scenes, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_one_stem_is_one_scene_although_the_pictures_differ() -> None:
    hold = held(split_by_content(pairs(40), unrelated(80), 0))
    assert all((i in hold) == (i + 40 in hold) for i in range(40))


@pytest.mark.parametrize("positive", ["fog/{}_fog.png", "fog/{}-1.png", "fog/{}.FOG.3.png", "fog/{} (2).jpg"])
def test_a_stem_that_goes_on_is_of_the_same_scene(positive: str) -> None:
    hold = held(split_by_content(pairs(40, positive=positive), unrelated(80), 0))
    assert all((i in hold) == (i + 40 in hold) for i in range(40))


def test_stems_that_all_continue_one_do_not_undo_the_split_by_looks() -> None:
    images = [image("shot.png", True), *(image(f"shot ({i}).png", i < 40) for i in range(1, 80))]
    scenes = unrelated(40) * 2
    split = split_by_content(images, scenes, 0)
    assert split.note is None
    assert all((i in held(split)) == (i + 40 in held(split)) for i in range(40))


def test_pictures_that_look_alike_stay_together_whatever_they_are_called() -> None:
    scenes = unrelated(40)
    flipped = [scene and scene ^ 0b111111 for scene in scenes]  # six bits
    images = [*(image(f"fog/{i}x.png", True) for i in range(40)), *(image(f"clean/y{i}.png", False) for i in range(40))]
    hold = held(split_by_content(images, [*scenes, *flipped], 0))
    assert all((i in hold) == (i + 40 in hold) for i in range(40))
    seven = [scene and scene ^ 0b1111111 for scene in scenes]
    hold = held(split_by_content(images, [*scenes, *seven], 0))
    assert not all((i in hold) == (i + 40 in hold) for i in range(40))


def test_groups_of_the_user_stand_against_names_and_looks() -> None:
    images = [image("a.png", i % 2 == 0, group=f"g{i // 4}") for i in range(80)]
    split = split_by_content(images, [7] * 80, 0)
    assert split.note is None
    assert all(len({j in held(split) for j in range(i, i + 4)}) == 1 for i in range(0, 80, 4))


def test_picture_without_a_group_stays_with_the_group_that_it_looks_like() -> None:
    scenes = unrelated(20)
    grouped = [image(f"{i}.png", i % 2 == 0, group=f"g{i}") for i in range(20)]
    single = [image(f"x{i}.png", i % 2 == 1) for i in range(20)]
    hold = held(split_by_content([*grouped, *single], scenes * 2, 0))
    assert all((i in hold) == (i + 20 in hold) for i in range(20))


def test_too_many_alike_falls_back_to_names() -> None:
    split = split_by_content(pairs(30), [5] * 60, 0)
    assert split.note is not None
    assert "look alike" in split.note
    assert all((i in held(split)) == (i + 30 in held(split)) for i in range(30))


def test_one_scene_falls_back_to_files() -> None:
    images = [image(f"{i}.png", i < 30, group="kitchen") for i in range(60)]
    split = split_by_content(images, [None] * 60, 0)
    assert split.note is not None
    assert "too few scenes" in split.note
    assert {images[i].label for i in split.hold} == {images[i].label for i in split.fit} == {True, False}


def test_one_file_cannot_be_split() -> None:
    with pytest.raises(DataError, match="cannot be split"):
        split_by_content([image("a.png", i < 30) for i in range(60)], [None] * 60, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=40, max_size=80), st.integers(0, 99))
def test_no_group_crosses_unless_the_note_says_so(groups: list[int], seed: int) -> None:
    images = [image(f"{i}.png", i % 2 == 0, group=str(group)) for i, group in enumerate(groups)]
    split = split_by_content(images, [None] * len(images), seed)
    assert not set(split.fit) & set(split.hold)
    assert len(split.fit) + len(split.hold) == len(images)
    shared = {images[i].group for i in split.fit} & {images[i].group for i in split.hold}
    assert bool(shared) <= (split.note is not None)


def test_folds_have_both_classes_and_part_no_scene() -> None:
    images = pairs(30)
    folds = folds_by_content(images, unrelated(60), 0)
    assert (folds.count, folds.note) == (5, None)
    for number in range(5):
        members = [images[i] for i in np.flatnonzero(folds.fold == number)]
        assert sum(member.label for member in members) == len(members) / 2 == 6
    by_stem = {stem: {int(folds.fold[i]) for i in range(60) if images[i].path.stem == stem} for stem in ("s0", "s7")}
    assert {len(found) for found in by_stem.values()} == {1}
    assert np.array_equal(folds.hold, np.arange(60))


def test_fewer_folds_where_there_are_fewer_scenes() -> None:
    images = [image(f"{label}/{i}.png", label, f"scene {i % 3}") for label in (True, False) for i in range(24)]
    folds = folds_by_content(images, unrelated(48), 0)
    assert (folds.count, folds.note) == (3, None)
    alone = folds_by_content([image(f"{i}.png", i % 2 == 0, "one") for i in range(40)], unrelated(40), 0)
    assert alone.count == 5
    assert alone.note is not None
    assert "may be too good" in alone.note


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=8, max_size=60), st.integers(0, 9))
def test_no_group_is_in_two_folds_unless_said(rows: list[tuple[bool, int]], seed: int) -> None:
    images = [image(f"{i}.png", label, f"g{group}") for i, (label, group) in enumerate(rows)]
    try:
        folds = folds_by_content(images, unrelated(len(rows)), seed)
    except DataError:
        assert min(sum(label for label, _ in rows), sum(not label for label, _ in rows)) < 2
        return
    for number in range(folds.count):
        assert len({images[i].label for i in np.flatnonzero(folds.fold == number)}) == 2
    if folds.note is None:
        of_group = {group: {int(folds.fold[i]) for i, (_, its) in enumerate(rows) if its == group} for _, group in rows}
        assert {len(found) for found in of_group.values()} == {1}
