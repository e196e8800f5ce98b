"""A user's pictures are read, clean ones distorted, and wrong ones refused in plain words."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.datasets import own_data as datasets
from distortion_heads.datasets.distorting import rivals_of, with_distorted, with_rivals
from distortion_heads.datasets.labelled_image import CROP, Distorted, LabelledImage
from distortion_heads.datasets.own_data import check_counts, distinct, read_clean, read_csv, read_data, read_folder
from distortion_heads.errors import DataError
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.float_images import to_float
from distortion_heads.synthesis.distort import Step
from helpers.little_pictures import DARK, GRAIN, registered, registry, save, scene, spec, write_clean


def by_name(images: tuple[LabelledImage, ...]) -> dict[str, LabelledImage]:
    return {image.path.name: image for image in images}


def test_folder_with_both_names_of_each_side_and_nested_folders(tmp_path: Path) -> None:
    for place in ("fog/a.png", "fog/deep/er/b.png", "positive/c.jpg", "clean/x/d.png", "negative/e.png", "other/f.png"):
        save(tmp_path / place, scene(1))
    (tmp_path / "fog" / "notes.txt").write_text("not a picture")
    images = by_name(read_folder(tmp_path, "fog"))
    assert {name: image.label for name, image in images.items()} == {
        "a.png": True,
        "b.png": True,
        "c.jpg": True,
        "d.png": False,
        "e.png": False,
    }
    assert {name for name, image in images.items() if image.clean} == {"d.png"}


def test_folder_of_negatives_is_never_the_positive_side(tmp_path: Path) -> None:
    save(tmp_path / "clean" / "a.png", scene(1))
    with pytest.raises(DataError, match="no sub-folder positive/"):
        read_folder(tmp_path, "clean")


@pytest.mark.parametrize(("folder", "wanted"), [("clean", "fog/ or positive/"), ("fog", "clean/ or negative/")])
def test_folder_without_one_side(tmp_path: Path, folder: str, wanted: str) -> None:
    save(tmp_path / folder / "a.png", scene(1))
    with pytest.raises(DataError, match=f"no sub-folder {wanted}"):
        read_folder(tmp_path, "fog")


def test_folder_without_a_picture(tmp_path: Path) -> None:
    save(tmp_path / "fog" / "a.png", scene(1))
    (tmp_path / "clean").mkdir()
    with pytest.raises(DataError, match="clean: no image or video in this folder"):
        read_folder(tmp_path, "fog")


@pytest.mark.parametrize("reader", [read_clean, lambda path: read_data(path, "fog")])
def test_no_such_folder(tmp_path: Path, reader: object) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        reader(tmp_path / "nowhere")  # type: ignore[operator]


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MAX_FILES", 3)
    assert len(read_clean(write_clean(tmp_path / "few", 3))) == 3
    with pytest.raises(DataError, match="more than 3 pictures"):
        read_clean(write_clean(tmp_path / "many", 4))
    file = tmp_path / "list.csv"
    file.write_text("path,label\n" + "many/scene000.png,1\n" * 4)
    with pytest.raises(DataError, match="more than 3 pictures"):
        read_csv(file)


def test_csv(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene(1))
    elsewhere = save(tmp_path / "b.png", scene(2))
    file = tmp_path / "in" / "list.csv"
    file.write_text(f"\ufeffLabel, path ,group,extra\n1,a.png,kitchen,x\n\n0,{elsewhere},,\n0,../b.png\n", "utf-8")
    assert read_data(file, "fog") == (
        LabelledImage(path=tmp_path / "in" / "a.png", label=True, group="kitchen"),
        LabelledImage(path=elsewhere, label=False),
        LabelledImage(path=tmp_path / "in" / ".." / "b.png", label=False),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.png,1\nb.png,0\n", "line 3: no such file: b.png"),
        ("path,label\na.png,1\n\na.png,2\n", "line 4: the label is '2'; write 1"),
        ("path,label\na.png,yes\n", "line 2: the label is 'yes'"),
        ("path,label\na.png\n", "line 2: the label is ''"),
        ("path,label\n,1\n", "line 2: no path"),
        ("path,label\n.,1\n", r"line 2: no such file: \."),
        ("path,label\na\0.png,1\n", "line 2: no such file|no CSV file"),
        ("file,label\na.png,1\n", "line 1: no column path;"),
        ("a.png,1\n", "line 1: no column path and label"),
        ("", "line 1: no column path and label"),
    ],
)
def test_csv_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    save(tmp_path / "a.png", scene(1))
    file = tmp_path / "list.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_csv(file)
    assert "list.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_picture_in_place_of_a_csv(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no CSV file of UTF-8 or UTF-16 text"):
        read_csv(save(tmp_path / "a.png", scene(1)))


def test_repeated_contents(tmp_path: Path) -> None:
    paths = [save(tmp_path / name, scene(seed)) for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2))]
    hashes = content_hashes(paths)
    assert hashes[paths[0]] == hashes[paths[1]] != hashes[paths[2]]
    images = [LabelledImage(path=path, label=True) for path in paths]
    assert [image.path.name for image in distinct(images, hashes)] == ["a.png", "c.png"]
    with pytest.raises(DataError, match=r"a\.png and .*b\.png are the same picture"):
        distinct([images[0], LabelledImage(path=paths[1], label=False)], hashes)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    paths = [save(tmp_path / "a.png", scene(1)), tmp_path / "gone.png", tmp_path]
    with pytest.raises(DataError, match=r"2 of 3 pictures cannot be used: the first is .*gone\.png"):
        content_hashes(paths)


@pytest.mark.parametrize(
    ("positives", "negatives", "message"),
    [(2, 2, "2 different positives and 2 neg"), (30, 0, "positives only"), (0, 30, "negatives only"), (20, 19, "few")],
)
def test_too_few(positives: int, negatives: int, message: str) -> None:
    images = [LabelledImage(path=Path(f"{i}.png"), label=i < positives) for i in range(positives + negatives)]
    with pytest.raises(DataError, match=f"{message}.*at least 20"):
        check_counts(images, Path("data"))


def test_twenty_of_each_are_enough() -> None:
    check_counts([LabelledImage(path=Path(f"{i}.png"), label=i < 20) for i in range(40)], Path("data"))


def synthesized(count: int, seed: int = 0) -> tuple[LabelledImage, ...]:
    clean = [LabelledImage(path=Path(f"{i}.png"), label=False, clean=True) for i in range(count)]
    hashes = {image.path: f"{i:064x}" for i, image in enumerate(clean)}
    return with_distorted(clean, hashes, registered(GRAIN), seed)


def rivals(count: int, seed: int = 0) -> tuple[LabelledImage, ...]:
    images = synthesized(count, seed)
    hashes = {image.path: f"{image.path.stem:0>64}" for image in images}
    return with_rivals(images, hashes, [registered(DARK)], "grain", seed)


def test_each_clean_picture_gives_a_pair_and_half_of_them_another_distortion() -> None:
    images = rivals(400)
    clean = [image for image in images if image.clean]
    positive = [image for image in images if image.label]
    extra = [image for image in images if not image.clean and not image.label]
    assert [i.path for i in clean] == [i.path for i in positive] == [Path(f"{i}.png") for i in range(400)]
    assert 160 < len(extra) < 240
    assert all(i.recipe and i.recipe.step and i.recipe.step.spec is GRAIN for i in positive)
    assert all(i.recipe and i.recipe.step and i.recipe.step.spec is DARK and i.severity is None for i in extra)
    severities = [i.severity for i in positive if i.severity is not None]
    assert len(severities) == 400
    assert 1 <= min(severities) < 1.2
    assert 4.8 < max(severities) <= 5


def test_a_picture_more_changes_no_other_and_a_seed_changes_all() -> None:
    assert synthesized(12)[: len(synthesized(11))] == synthesized(11)
    assert [i for i in rivals(12) if i.rival][:11] == [i for i in rivals(11) if i.rival]
    first, second = ({i.severity for i in synthesized(20, seed) if i.label} for seed in (0, 1))
    assert not first & second


def test_rivals_are_of_another_name_and_family() -> None:
    heads = registry(GRAIN, DARK, spec("smoke", family="air", synthesize=GRAIN.synthesize), spec("no_generator"))
    names = {
        (label, family): [head.spec.label for head in rivals_of(heads, label, family)]
        for label, family in (("rain", "other"), ("rain", "noise"), ("dark", "other"), ("surgical_smoke2", "other"))
    }
    assert names == {
        ("rain", "other"): ["dark", "grain", "smoke"],
        ("rain", "noise"): ["dark", "smoke"],
        ("dark", "other"): ["grain", "smoke"],
        ("surgical_smoke2", "other"): ["dark", "grain"],
    }


def test_rivals_of_few_clean_pictures_are_several_each_and_different() -> None:
    clean = [LabelledImage(path=Path(f"{i}.png"), label=False, clean=True) for i in range(8)]
    hashes = {image.path: f"{i:064x}" for i, image in enumerate(clean)}
    others = [registered(spec(f"kind{i}", synthesize=GRAIN.synthesize)) for i in range(6)]
    made = [image for image in with_rivals(clean, hashes, others, "rain", 0) if image.rival]
    assert len(made) == 32
    kinds = {image.path: set() for image in clean}
    for image in made:
        assert image.rival_spec is not None
        kinds[image.path].add(image.rival_spec.label)
    assert {len(found) for found in kinds.values()} == {4}


def test_recipes_know_the_code_of_their_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_plugin.py"
    clean = [LabelledImage(path=Path("a.png"), label=False, clean=True)]

    def key() -> str:
        importlib.invalidate_caches()
        sys.modules.pop("edited_plugin", None)
        generator = importlib.import_module("edited_plugin").generate
        target = registered(spec("grain", synthesize=generator))
        recipe = with_distorted(clean, {Path("a.png"): "0"}, target, 0)[1].recipe
        assert recipe is not None
        return recipe.key

    file.write_text("def generate(image, severity, rng):\n    return image\n")
    before = key()
    assert key() == before
    file.write_text("def generate(image, severity, rng):\n    return image * image\n")
    assert key() != before


def test_recipe_cuts_large_pictures_in_one_place_for_the_native_view_only() -> None:
    large = np.random.default_rng(0).integers(0, 256, (CROP + 300, CROP + 200, 3)).astype(np.uint8)
    clean = Distorted(step=None, seed=5)
    dark = Distorted(step=Step(spec=DARK, severity=4.0), seed=5)
    cut = clean.apply(large, "native")
    assert cut.shape == (CROP, CROP, 3)
    assert np.array_equal(dark.apply(large, "native"), np.rint(to_float(cut) * 0.5 * 255))
    assert np.array_equal(clean.apply(large, "overview"), large)
    assert not np.array_equal(Distorted(step=None, seed=6).apply(large, "native"), cut)


def test_recipe_is_reproducible() -> None:
    recipe = Distorted(step=Step(spec=GRAIN, severity=2.0), seed=5)
    other = Distorted(step=Step(spec=GRAIN, severity=2.0), seed=6)
    pixels = scene(0)
    assert np.array_equal(recipe.apply(pixels, "native"), recipe.apply(pixels, "native"))
    assert not np.array_equal(recipe.apply(pixels, "native"), other.apply(pixels, "native"))
    assert len({recipe.key, other.key, Distorted(step=None, seed=5).key}) == 3
