"""`dheads train --data`, `--refit-heads`, and predicting with what they write."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from distortion_heads._system.locks import only_writer
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.heads.file import read_head
from helpers.command_line import Dheads
from helpers.little_pictures import noisy, save, scene

QUICK = ("--backbone", "mobilenet_v3_small", "--weights", "none", "--side", "48", "--stride", "24", "--epochs", "2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve scenes: as they are, dark, and grainy."""
    folder = tmp_path_factory.mktemp("data")
    for seed in range(12):
        clean = scene(seed, 64)
        save(folder / "clean" / f"s{seed:02d}.png", clean)
        save(folder / "dark" / f"s{seed:02d}.png", clean // 2)
        save(folder / "grain" / f"s{seed:02d}.png", noisy(clean, seed))
    return folder


def test_a_dataset_becomes_a_folder_that_predicts(dheads: Dheads, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = dheads("train", "--data", data, "--out", out, *QUICK)
    assert trained.code == 0, trained.err
    assert "grain" in trained.out
    with (out / "split.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    parts = {name: {row["scene"] for row in rows if row["part"] == name} for name in ("train", "validation", "test")}
    assert len(rows) == 36
    assert all(parts.values())
    assert not parts["train"] & parts["test"]
    assert not parts["validation"] & (parts["train"] | parts["test"])
    head = read_head(out / "heads" / "grain.safetensors")
    assert head.metrics.n == sum(row["part"] == "test" for row in rows)
    assert head.provenance.command.startswith("dheads train --data data")

    predicted = dheads("predict", "--backbone", out, "--json", data / "grain" / "s00.png")
    assert predicted.code == 0, predicted.err
    answer = json.loads(predicted.out)
    assert [entry["label"] for entry in answer["heads"]] == ["dark", "grain"]
    assert answer["backbone"].startswith("mobilenet_v3_small@")
    assert answer["windows"] == 1

    again = dheads("train", "--data", data, "--out", out, *QUICK)  # it is finished already
    assert (again.code, again.out) == (0, trained.out)
    other = dheads("train", "--data", data, "--out", out, *QUICK, "--rate", "0.1")
    assert other.code == 1
    assert "choose another --out" in other.err.splitlines()[-1]


def test_heads_of_another_backbone_are_refused_with_both_fingerprints(
    dheads: Dheads, data: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert dheads("train", "--data", data, "--out", first, *QUICK).code == 0
    assert dheads("train", "--data", data, "--out", second, *QUICK, "--stride", "12").code == 0
    files = [folder / "heads" / "dark.safetensors" for folder in (first, second)]
    ours, theirs = (read_head(file).backbone.fingerprint for file in files)
    assert ours != theirs
    files[0].write_bytes(files[1].read_bytes())
    result = dheads("predict", "--backbone", first, data / "dark" / "s00.png")
    assert "head 'dark' is left out" in result.error
    assert ours in result.error
    assert theirs in result.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --images DIR, or --data DATASET"),
        (("--data", "x", "--images", "y"), "give --images DIR, or --data DATASET"),
        (("--refit-heads",), "give --images DIR, or --data DATASET"),
        (("--data", "x", "--steps", "5"), "--steps does not go with --data"),
        (("--images", "x", "--epochs", "5"), "--epochs does not go with --images"),
    ],
)
def test_options_that_do_not_go_together(
    dheads: Dheads, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = dheads("train", "--out", tmp_path / "run", *arguments)
    assert result.code == 2
    assert message in result.error


def test_a_users_mistakes_are_one_line(dheads: Dheads, data: Path, tmp_path: Path) -> None:
    base = ("train", "--data", data, "--out", tmp_path / "run")
    for more, message in (
        (("--backbone", "densnet169"), "did you mean densenet169"),
        (("--backbone", "vgg16", "--weights", "nowhere.pth"), "no such file"),
        (("--weights", "imagenet"), "has no ImageNet weights"),
        (("--labels", "fog"), "no record with 'fog'"),
        (("--kind", "kadid"), "no dataset kind"),
    ):
        result = dheads(*base, *more)
        assert result.code == 1
        assert message in result.error
    assert "no such folder" in dheads("train", "--data", tmp_path / "none", "--out", tmp_path / "run").error


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("train", "--data", "DATA"), "train"),
        (("train", "--images", "DATA"), "train"),
        (("train", "--refit-heads", "--images", "DATA"), "train"),
        (("evaluate", "DATA", "--method", "frozen"), "evaluate"),
    ],
)
def test_a_folder_has_one_writer_at_a_time(
    dheads: Dheads, data: Path, tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    bundled = bundled_backbone()
    (tmp_path / "backbone").mkdir()
    for file in (bundled.weights, bundled.graph):
        (tmp_path / "backbone" / file.name).write_bytes(file.read_bytes())
    words = [data if word == "DATA" else word for word in command]
    with only_writer(tmp_path, f"dheads {name}"):
        result = dheads(*words, "--out", tmp_path)
    assert result.code == 1
    assert f"another dheads {name} is writing to {tmp_path}" in result.error


def test_meon_answers_with_types_and_quality(dheads: Dheads, tmp_path: Path) -> None:
    rows = [("path", "label", "group", "mos")]
    for seed in range(8):
        clean = scene(seed, 64)
        for label, pixels, mos in (("clean", clean, 5), ("dark", clean // 2, 3), ("grain", noisy(clean, seed), 2)):
            save(tmp_path / f"{label}{seed}.png", pixels)
            rows.append((f"{label}{seed}.png", label, f"s{seed}", str(mos)))
    with (tmp_path / "data.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    out = tmp_path / "run"
    words = ("--recipe", "meon", "--epochs", "1", "--batch", "6", "--rate", "0.001", "--backbone-rate", "0.001")
    result = dheads("train", "--data", tmp_path / "data.csv", "--out", out, *words)
    assert result.code == 0, result.err
    assert "quality: " in result.out
    head = read_head(out / "heads" / "quality.safetensors")
    assert head.scale is not None
    assert head.scale.target == "ratings of csv: data.csv"
    predicted = dheads("predict", "--backbone", out, "--json", tmp_path / "dark0.png")
    assert predicted.code == 0, predicted.err
    answer = json.loads(predicted.out)
    assert answer["backbone"].startswith("meon@")
    assert 2 <= answer["quality"]["value"] <= 5
    assert [entry["label"] for entry in answer["heads"]] == ["dark", "grain"]
    refused = dheads("train", "--data", tmp_path / "data.csv", "--out", tmp_path / "x", *words, "--finetune", "frozen")
    assert refused.code == 1
    assert "leave --finetune out" in refused.error
