"""`dheads synth --levels`: the pictures that Lai, Chu, Leng learn from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dheads_cli.main import run as dheads
from distortion_heads.datasets.load import load_corpus
from distortion_heads.errors import DataError
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.dbcnn import LEVELS, contrast, dbcnn_specs
from distortion_heads.synthesis.level_sets import AUTHENTIC, level_set
from distortion_heads.synthesis.plan import SynthPlan, parse_severities
from helpers.synth_runs import manifest

FIVE = parse_severities("1,2,3,4,5")
SPECS = {spec.label: spec for spec in dbcnn_specs()}


def picture() -> np.ndarray:
    rows, columns = np.mgrid[0:96, 0:112].astype(np.float32)
    plain = np.stack([rows / 120 + 0.1, columns / 140 + 0.1, (rows + columns) / 260], -1)
    return np.clip(plain + np.random.default_rng(0).normal(0, 0.1, plain.shape), 0, 1).astype(np.float32)


def test_dbcnn_makes_39_classes_of_each_picture() -> None:
    chosen = level_set("dbcnn", {})
    plan = SynthPlan(specs=chosen.specs, severities=FIVE, levels=chosen.levels)
    items = list(plan.items("a.png", 0, plan.size))
    assert plan.size == len(items) == len({item.name for item in items}) == 39
    drawn = Counter(item.steps[0].spec.label for item in items)
    assert drawn["over_exposure"] == drawn["under_exposure"] == 2
    assert [item.name for item in plan.items("a.png", 33, 37)] == [
        "color_quantization-4", "color_quantization-5", "over_exposure-2", "over_exposure-4",
    ]  # fmt: skip


def test_parameters_are_those_of_the_generator() -> None:
    found = {label: [spec.parameters(level) for level in LEVELS[label]] for label, spec in SPECS.items()
             if spec.parameters is not None}  # fmt: skip
    assert [round(values["sigma"], 2) for values in found["gaussian_blur"]] == [1.17, 2.5, 6.5, 15.17, 33.17]
    assert [values["quality"] for values in found["jpeg"]] == [43, 12, 7, 4, 0]
    assert [round(values["ratio"]) for values in found["jpeg2000"]] == [52, 150, 343, 600, 1200]
    assert found["white_noise"][4] == {"variance": 1.0}
    assert [values["shift"] for values in found["under_exposure"]] == [-0.3, -0.6]


@pytest.mark.parametrize("label", SPECS)
def test_a_higher_level_is_further_from_the_picture(label: str) -> None:
    image, make = picture(), SPECS[label].synthesize
    assert make is not None
    made = [make(image, level, np.random.default_rng(0)) for level in LEVELS[label]]
    assert all(m.shape == image.shape and m.dtype == np.float32 and 0 <= m.min() <= m.max() <= 1 for m in made)
    far = [float(np.abs(m - image).mean()) for m in made]
    assert far[0] > 0
    assert far[-1] > 1.2 * far[0]


def test_few_colours_are_few() -> None:
    make = SPECS["color_quantization"].synthesize
    assert make is not None
    found = [len(np.unique(make(picture(), level, np.random.default_rng(0)).reshape(-1, 3), axis=0))
             for level in (1.0, 5.0)]  # fmt: skip
    assert 4 < found[0] <= 64
    assert 1 < found[1] <= 4


def test_contrast_ends_at_its_range() -> None:
    found = contrast(picture(), 0.3, np.random.default_rng(0))
    np.testing.assert_allclose((found.min((0, 1)), found.max((0, 1))), [[0.3] * 3, [0.7] * 3], atol=1e-6)


def test_authentic_mixtures_have_seven_kinds_at_19_levels(bank: dict[str, HeadSpec]) -> None:
    chosen = level_set("authentic", bank)
    plan = SynthPlan(specs=chosen.specs, severities=FIVE, levels=chosen.levels, per_image=600, mixture=chosen.mixture)
    items = list(plan.items("a.png", 0, plan.size))
    assert {len(item.steps) for item in items} == {1, 2, 3}
    classes = {(step.spec.label, step.severity) for item in items for step in item.steps}
    assert classes == {(label, level) for label, levels in AUTHENTIC.items() for level in levels}
    assert (len(AUTHENTIC), len(classes)) == (7, 19)


def test_sets_that_cannot_be_made_are_refused(bank: dict[str, HeadSpec]) -> None:
    with pytest.raises(DataError, match="dbcnn has no distortion 'smoke': choose of gaussian_blur"):
        level_set("dbcnn", bank, ("jpeg", "smoke"))
    with pytest.raises(DataError, match="needs the distortion 'motion_blur'"):
        level_set("authentic", {label: spec for label, spec in bank.items() if label != "motion_blur"})
    chosen = level_set("dbcnn", {}, ("jpeg",))
    with pytest.raises(DataError, match="the same levels of all distortions"):
        SynthPlan(specs=chosen.specs, severities=FIVE, levels=chosen.levels, one_kind=True)


def test_the_manifest_has_the_pseudo_mos_and_the_dataset_the_parameters(photos: Path, tmp_path: Path) -> None:
    out, small = tmp_path / "out", tmp_path / "small"
    photo = next(photos.rglob("*.png"))
    from PIL import Image

    large = tmp_path / "large.png"
    Image.open(photo).resize((168, 168)).save(large)
    command = ["synth", "--levels", "dbcnn", "--distortions", "jpeg,over_exposure", "--jobs", "1"]
    assert dheads([*command, str(large), str(out)]) == 0
    rows = manifest(out)
    assert len(rows) == 7
    for row in rows:
        scores = json.loads(row["scores"])
        mean = sum(scores[name] for name in ("ssim", "ms_ssim", "vsi", "fsimc")) + 2 - scores["mdsi"] - scores["gmsd"]
        assert float(row["pseudo_mos"]) == pytest.approx(mean / 6, abs=1e-5)
    records = [record for record in load_corpus(out).records if record.severities]
    assert records[0].parameters == {"jpeg": {"quality": 43.0}}
    assert dheads([*command, str(photo), str(small)]) == 0
    assert {row["pseudo_mos"] for row in manifest(small)} == {""}  # MS-SSIM needs larger pictures


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--severities", "1,2"], "--severities does not go with --levels"),
        (["--kadis"], "--kadis does not go with --levels"),
        (["--distortions", "smoke"], "has no distortion 'smoke'"),
    ],
)
def test_what_levels_do_not_go_with(
    photos: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert dheads(["synth", "--levels", "dbcnn", str(photos), "out", *options]) == 2
    assert said in capsys.readouterr().err
