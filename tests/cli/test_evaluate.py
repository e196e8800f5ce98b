"""`dheads evaluate` and `dheads score2020`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.command_line import COMMAND, Dheads


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, few_draws: None) -> None:
    """Few steps of fitting are enough here."""
    from distortion_heads.training.heads import fit_layers as fit

    monkeypatch.setattr(fit, "MIN_STEPS", 60)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of eight scenes, clean and with noise."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("noisy")
    lines = ["path,label,group"]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 8, 3)).astype(np.uint8))
        scene = np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC))
        noise = np.clip(scene + rng.normal(0, 40, scene.shape), 0, 255).astype(np.uint8)
        for name, pixels, label in (("a", scene, "clean"), ("b", noise, "white_noise")):
            Image.fromarray(pixels).save(folder / f"{name}{seed}.png")
            lines.append(f"{name}{seed}.png,{label},s{seed}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def test_evaluate_prints_medians_and_writes_a_report(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = dheads("evaluate", dataset, "--repeats", "2", "--protocol", "both", "--out", out)
    assert result.code == 0, result.err
    assert result.lines[0].split()[:3] == ["method", "protocol", "share"]
    assert [line.split()[:3] for line in result.lines[1:3]] == [
        ["frozen", "disjoint", "80%"],
        ["frozen", "shared-scenes", "80%"],
    ]
    assert str(out / "report.md") in result.out
    command = json.loads((out / "result.json").read_text())["command"]
    assert command == "dheads evaluate list.csv --protocol both --repeats 2 --seed 0"
    scores = dheads("score2020", out / "result.json")
    assert scores.code == 0
    assert scores.lines[1].split()[:2] == ["1.00", "frozen"]


def test_files_that_cannot_be_read_are_named_and_left_out(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    broken = dataset.parent / "broken.png"
    broken.write_bytes((dataset.parent / "a0.png").read_bytes()[:600])
    (dataset.parent / "empty.png").touch()
    rows = dataset.read_text() + "broken.png,clean,s0\nempty.png,white_noise,s1\n"
    table = dataset.with_name("more.csv")
    table.write_text(rows)
    result = dheads("evaluate", table, "--repeats", "1", "--out", tmp_path / "out")
    assert result.code == 1
    line = next(line for line in result.err.splitlines() if "error" in line)
    assert line.startswith("dheads: error: 2 of 18 pictures cannot be used and are left out: empty.png: it is empty;")
    assert result.lines[1].split()[:4] == ["frozen", "disjoint", "80%", "4"]
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert found["dataset"]["records"] == 16
    assert [file["path"] for file in found["left_out"]] == ["empty.png", "broken.png"]
    assert "2 files could not be read and are left out: empty.png (it is empty), broken.png" in (
        (tmp_path / "out" / "report.md").read_text()
    )
    nothing = dataset.with_name("nothing.csv")
    nothing.write_text("path,label,group\nbroken.png,clean,s0\nempty.png,white_noise,s1\n")
    refused = dheads("evaluate", nothing, "--out", tmp_path / "none")
    assert (refused.code, refused.out) == (1, "")
    assert "1 of 2 pictures cannot be used and is left out" in refused.error
    assert not (tmp_path / "none").exists()


def test_types_that_cannot_be_read_in_a_folder_are_named(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    for picture in dataset.parent.glob("[ab]?.png"):
        target = tmp_path / "data" / ("clean" if picture.name[0] == "a" else "white_noise") / f"{picture.name[1]}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture.read_bytes())
    (tmp_path / "data" / "clean" / "new.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    result = dheads("evaluate", tmp_path / "data", "--repeats", "1", "--out", tmp_path / "out")
    assert result.code == 1
    assert "1 of 17 pictures cannot be used and is left out" in result.err
    assert "new.jxl: cannot be read here: a JPEG XL picture" in result.err


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib"])
def test_without_the_extra_it_says_so_before_anything_is_made(
    dataset: Path, tmp_path: Path, home: Path, missing: str
) -> None:
    hidden = f"import sys; sys.modules[{missing!r}] = None; {COMMAND[-1]}"
    before = sorted(path for path in home.rglob("*") if path.is_file()) if home.exists() else []
    arguments = ["evaluate", str(dataset), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", hidden, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "dheads: error: dheads evaluate needs the extra 'train': run pip install -e '.[train]' in the checkout of "
        "distortion-heads"
    ]
    assert not (tmp_path / "out").exists()
    assert (sorted(path for path in home.rglob("*") if path.is_file()) if home.exists() else []) == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--shares", "20,90"), 2, "up to 80"),
        (("--shares", "half"), 2, "up to 80"),
        (("--protocol", "leaky"), 2, "--protocol"),
        (("--method", "magic"), 1, "no method 'magic'"),
        (("--labels", "rain"), 1, "no record with 'rain'"),
        (("--labels", " , "), 2, "names no label"),
    ],
)
def test_wrong_options(
    dheads: Dheads, dataset: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = dheads("evaluate", dataset, "--out", tmp_path / "out", *arguments)
    assert (result.code, result.out) == (code, "")
    assert says in result.error
    assert not (tmp_path / "out").exists()


def test_no_dataset_and_no_result(dheads: Dheads, tmp_path: Path) -> None:
    missing = dheads("evaluate", tmp_path / "nowhere")
    assert (missing.code, missing.out) == (1, "")
    assert "nowhere" in missing.error
    scores = dheads("score2020", tmp_path / "result.json")
    assert (scores.code, scores.out) == (1, "")
    assert "result.json" in scores.error


def test_table_takes_weights_by_the_backbones_names(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    alone = dheads("evaluate", dataset, "--weights", "vgg16.pth", "--out", tmp_path / "out")
    assert alone.code == 2
    assert "--weights needs --table" in alone.err
    changed = dheads("evaluate", dataset, "--with", "epochs=2", "--out", tmp_path / "out")
    assert changed.code == 2
    assert "--with needs --table" in changed.err
    missing = dheads("evaluate", dataset, "--table", "8", "--weights", "densenet169.pth", "--out", tmp_path / "out")
    assert missing.code == 1
    assert "no --weights for vgg16 among densenet169.pth" in missing.err


def test_fewer_scenes_are_evenly_spread_and_told_of(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = dheads("evaluate", dataset, "--scenes", "4", "--repeats", "1", "--out", out)
    assert result.code == 0, result.err
    assert "only 4 of 8 scenes" in result.err
    content = json.loads((out / "result.json").read_text())
    assert (content["dataset"]["records"], content["dataset"]["scenes"]) == (8, 4)
    assert content["command"].endswith("--repeats 1 --scenes 4 --seed 0")
    assert "- only 4 of 8 scenes" in (out / "report.md").read_text()
    (file,) = (out / "repetitions").iterdir()
    assert set(json.loads(file.read_text())["scenes"]) <= {"s0", "s2", "s4", "s6"}


def test_audit_says_what_a_split_is_worth(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    alone = dheads("audit", dataset, "--worth", "--judge", "0")
    assert alone.code == 2
    assert "--worth compares a --split" in alone.err
    names = [f"{kind}{seed}.png" for seed in range(8) for kind in "ab"]
    rows = [f"{name},{'test' if place in (0, 3, 7) else 'train'}" for place, name in enumerate(names)]
    (tmp_path / "split.csv").write_text("\n".join(["path,part", *rows]))
    found = dheads("audit", dataset, "--split", tmp_path / "split.csv", "--judge", "0", "--worth", "--json")
    assert found.code == 1, found.err
    worth = json.loads(found.out)["checked"][-1]
    assert worth.startswith("worth of the split: frozen, trained on train, has all labels right on 100.0 % of test;")
    assert "on 5 splits of the same pictures by scene on 100.0 %" in worth
    assert worth.endswith("+0.0 points")
