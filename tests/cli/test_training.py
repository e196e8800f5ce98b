"""`dheads add-head` and `dheads train`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distortion_heads.errors import DataError
from helpers.command_line import Dheads
from helpers.contracts import assert_valid


def write_scenes(root: Path, count: int) -> Path:
    """`root/speckled` and `root/clean`, told apart by noise."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 8, 3)).astype(np.uint8))
        scene = np.asarray(coarse.resize((96, 96), Image.Resampling.BICUBIC))
        noise = rng.normal(0, 40, scene.shape)
        for folder, pixels in (("clean", scene), ("speckled", np.clip(scene + noise, 0, 255).astype(np.uint8))):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / folder / f"{seed}.png")
    return root


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return write_scenes(tmp_path_factory.mktemp("data") / "photos", 24)


def test_head_is_trained_reported_attached_used_and_removed(dheads: Dheads, scenes: Path, home: Path) -> None:
    result = dheads("add-head", "speckled", "--data", scenes, "--family", "noise", "--title", "Speckles")
    assert result.code == 0, result.err
    path = home / "heads" / "speckled.safetensors"
    assert re.match(r"speckled: trained and attached in \d+\.\d s$", result.lines[0])
    assert str(path) in result.out
    for name in ("AUROC", "AP", "F1", "ECE", "false alarms on clean", "threshold"):
        assert re.search(rf"^{name} +\d", result.out, re.MULTILINE)
    assert "Traceback" not in result.err

    card = json.loads(dheads("show", "speckled", "--json").out)
    assert (card["title"], card["family"], card["owner"]) == ("Speckles", "noise", f"user ({home / 'heads'})")
    picture = scenes / "speckled" / "0.png"
    (head,) = json.loads(dheads("predict", "--json", "--heads", "speckled", picture).out)["heads"]
    assert head["label"] == "speckled"

    before = path.read_bytes()
    taken = dheads("add-head", "speckled", "--data", scenes)
    assert (taken.code, taken.out) == (1, "")
    assert "--force" in taken.error
    assert path.read_bytes() == before
    assert dheads("remove-head", "speckled", "--yes").code == 0
    assert dheads("show", "speckled").code == 2


def test_poor_head_is_warned_of_on_stderr(dheads: Dheads, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for seed in range(200, 260):  # nothing tells the classes apart
        folder = tmp_path / "data" / ("speckled" if seed % 2 else "clean")
        folder.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (7, 8, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{seed}.png")
    result = dheads("add-head", "speckled", "--data", tmp_path / "data", "--no-rivals")
    assert result.code == 0
    assert result.error.startswith("dheads: warning: 'speckled' is a poor head (AUROC 0.")
    assert "poor" not in result.out


def test_options_reach_the_head_and_are_checked_first(dheads: Dheads, scenes: Path, tmp_path: Path) -> None:
    refused = dheads("add-head", "speckled", "--data", tmp_path / "nowhere", "--title", "two\nlines")
    assert (refused.code, refused.out) == (1, "")
    assert "the title" in refused.error
    large = dheads("add-head", "speckled", "--data", scenes, "--max-pixels", "100")
    assert (large.code, large.out) == (1, "")
    assert "--max-pixels" in large.error


def test_head_in_a_file_is_not_attached(dheads: Dheads, scenes: Path, tmp_path: Path, home: Path) -> None:
    out = tmp_path / "speckled.safetensors"
    result = dheads("add-head", "speckled", "--data", scenes, "--no-rivals", "--out", out)
    assert result.code == 0, result.err
    assert "attached" not in result.lines[0]
    assert out.exists()
    assert not (home / "heads" / "speckled.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("speckled",), "--data PATH or --clean DIR"),
        (("speckled", "--data", "a", "--clean", "b"), "--data PATH or --clean DIR"),
        (("speckled", "--data", "a", "--synthesizer", "jpeg"), "--synthesizer goes with --clean"),
        (("Speckled!", "--data", "a"), "no identifier"),
        (("speckled", "--data", "a", "--view", "aerial"), "--view"),
        (("speckled", "--data", "a", "--seed", "99999999999"), "--seed"),
        (("speckled", "--data", "a", "--max-pixels", "0"), "--max-pixels"),
    ],
)
def test_wrong_usage(dheads: Dheads, arguments: tuple[str, ...], says: str) -> None:
    result = dheads("add-head", *arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.error


def test_too_few_pictures_and_no_such_folder(dheads: Dheads, tmp_path: Path, home: Path) -> None:
    data = write_scenes(tmp_path / "few", 2)
    for folder in (data, tmp_path / "nowhere"):
        result = dheads("add-head", "speckled", "--data", folder)
        assert (result.code, result.out) == (1, "")
        assert folder.name in result.error
    assert not (home / "heads").exists()


def test_missing_torch_names_the_extra(tmp_path: Path) -> None:
    """In a process of its own, for it makes modules disappear."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', 'sklearn')));"
        "from dheads_cli.main import main; main(['train', '--images', 'none', '--out', 'run'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install -e '.[train]'" in done.stderr


class FakeTraining:
    """Stands in for `train_bundle`: notes what it is asked for and reports what it is told to."""

    def __init__(self, bundle: ModuleType, loop: ModuleType) -> None:
        self.options: Any = None
        self.labels: list[str] = []
        progress = loop.Progress(step=30, steps=60, loss=0.5, per_second=99.0)
        self.reports = [
            progress,
            replace(progress, step=60, loss=0.25, auroc={"jpeg": 0.75, "smoke": 0.85}),
            bundle.Stage(name="heads", done=1, total=2, detail="jpeg"),
        ]

    def __call__(self, options: Any, specs: Any, report: Any) -> Path:
        self.options, self.labels = options, [spec.label for spec in specs]
        for value in self.reports:
            report(value)
        return Path(options.out)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    pytest.importorskip("torch")
    from distortion_heads.training.networks import loop
    from distortion_heads.training.runs import from_clean_pictures as bundle

    fake = FakeTraining(bundle, loop)
    monkeypatch.setattr(bundle, "train_bundle", fake)
    return fake


def test_train_hands_its_options_on(dheads: Dheads, training: FakeTraining, tmp_path: Path) -> None:
    images, out = tmp_path / "clean photos", tmp_path / "run"
    result = dheads(
        *("train", "--images", images, "--out", out, "--steps", "60", "--seed", "3", "--device", "cpu"),
        *("--workers", "2", "--license", "CC0-1.0", "--fit-pictures", "40", "--head-license", "MIT"),
    )
    assert (result.code, result.err) == (0, "")
    assert result.lines == [
        "step 60: loss 0.2500, AUROC mean 0.8000, least 0.7500 (jpeg)",
        f"wrote {out / 'backbone'} and {out / 'heads'}",
    ]
    options = training.options
    assert options.head_license == "MIT"
    assert (options.images, options.out, options.workers, options.device) == (images, out, 2, "cpu")
    assert (options.recipe.steps, options.recipe.seed, options.fit_pictures) == (60, 3, 40)
    assert options.licenses == ("CC0-1.0",)
    assert options.command == (
        "dheads train --images 'clean photos' --steps 60 --seed 3 --fit-pictures 40 --license CC0-1.0"
    )
    assert options.start is None
    assert "gaussian_blur" in training.labels


def test_train_command_tells_all_that_decides_the_weights(
    dheads: Dheads, training: FakeTraining, tmp_path: Path
) -> None:
    result = dheads(
        *("train", "--images", tmp_path, "--out", tmp_path / "run", "--start", tmp_path / "old" / "checkpoint.pt"),
        *("--hold-pictures", "7", "--license", "CC0-1.0", "--license", "CC BY 4.0", "--device", "cpu"),
    )
    assert result.code == 0, result.err
    steps = training.options.recipe.steps
    assert training.options.command == (
        f"dheads train --images {tmp_path.name} --steps {steps} --seed 0 --start checkpoint.pt --hold-pictures 7"
        " --license CC0-1.0 --license 'CC BY 4.0'"
    )
    assert training.options.start == tmp_path / "old" / "checkpoint.pt"


def test_train_on_bad_input_is_one_line(dheads: Dheads, tmp_path: Path) -> None:
    """The real training, as far as it comes."""
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("in the way")
    write_scenes(tmp_path / "photos", 9)
    images = tmp_path / "photos" / "clean"
    assert "--out" in dheads("train", "--images", images, "--out", tmp_path / "file").error
    (images / "3.png").write_text("no picture")
    result = dheads("train", "--images", images, "--out", tmp_path / "run", "--device", "cpu")
    assert (result.code, result.out) == (1, "")
    assert f"{images / '3.png'}: not an image" in result.error
    assert not (tmp_path / "run").exists()


def test_failed_training_is_one_line(
    dheads: Dheads, training: FakeTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise DataError("too few pictures")

    monkeypatch.setattr(FakeTraining, "__call__", fail)
    result = dheads("train", "--images", tmp_path, "--out", tmp_path / "run")
    assert (result.code, result.error) == (1, "dheads: error: too few pictures")


def test_add_head_as_json_and_strict(dheads: Dheads, scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "speckled.safetensors"
    result = dheads("add-head", "speckled", "--data", scenes, "--family", "noise", "--out", out, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert_valid("add-head", found)
    assert (found["label"], found["path"], found["folds"]) == ("speckled", str(out), 5)
    low, high = found["intervals"]["auroc"]
    assert low <= found["metrics"]["auroc"] <= high
    assert found["metrics"]["split"] == "5-fold cross-validation by scene"
    assert found["false_alarms"]["other_distortions"]["total"] == found["trained_on"]["rivals"] > 50
    for path in (scenes / "clean").iterdir():
        (tmp_path / "data" / "clean").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "speckled").mkdir(parents=True, exist_ok=True)
        Image.open(path).save(tmp_path / "data" / "clean" / f"{path.stem}.jpg")
        (tmp_path / "data" / "speckled" / path.name).write_bytes((scenes / "speckled" / path.name).read_bytes())
    refused = dheads("add-head", "speckled", "--data", tmp_path / "data", "--strict")
    assert (refused.code, refused.out) == (1, "")
    assert "all 24 pictures with speckled are PNG and all 24 without are JPEG" in refused.error
    usage = dheads("add-head", "jpeg", "--clean", scenes / "clean", "--strict")
    assert (usage.code, usage.out) == (2, "")
    assert "go with --data" in usage.error


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ((), "--places goes alone, with --images DIR"),
        (("--images", ".", "--familiarity"), "goes alone, with --images DIR"),
        (("--images", ".", "--wild", "."), "--wild does not go with --places"),
        (("--images", ".", "--steps", "3"), "--steps does not go with --places"),
    ],
)
def test_the_model_of_places_takes_clean_pictures_alone(
    dheads: Dheads, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    result = dheads("train", "--places", "--out", tmp_path / "run", *more)
    assert result.code == 2
    assert told in result.error
    assert not (tmp_path / "run").exists()
