"""`add-head` on videos; LVQ from its videos to the score of the ICIP 2020 challenge."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from distortion_heads.heads.file import read_head
from helpers.command_line import Dheads
from helpers.contracts import assert_valid

Picture = np.ndarray
Distortion = Callable[[Picture, np.random.Generator], Picture]


def scene(seed: int, side: int = 72) -> Picture:
    coarse = np.random.default_rng(seed).integers(40, 216, (9, 10, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def noise(pixels: Picture, rng: np.random.Generator) -> Picture:
    return np.clip(pixels + rng.normal(0, 30, pixels.shape), 0, 255).astype(np.uint8)


def defocus(pixels: Picture, rng: np.random.Generator) -> Picture:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(4)))


def motion(pixels: Picture, rng: np.random.Generator) -> Picture:
    return np.mean([np.roll(pixels, shift, axis=1) for shift in range(12)], axis=0).astype(np.uint8)


def smoke(pixels: Picture, rng: np.random.Generator) -> Picture:
    return (0.5 * pixels + 110).astype(np.uint8)


def uneven(pixels: Picture, rng: np.random.Generator) -> Picture:
    return (pixels * np.linspace(0.2, 1, pixels.shape[1])[None, :, None]).astype(np.uint8)


LVQ: dict[str, tuple[Distortion, ...]] = {
    "awgn": (noise,),
    "defocus_blur": (defocus,),
    "defocus_uneven": (defocus, uneven),
    "motion_blur": (motion,),
    "noise_smoke": (smoke, noise),
    "noise_smoke_uneven": (smoke, uneven, noise),
    "noise_uneven": (uneven, noise),
    "smoke": (smoke,),
    "smoke_uneven": (smoke, uneven),
    "uneven_illum": (uneven,),
}
"""The folders of the challenge's training part, as its participants got it."""

LINES = ["1"] * 2 + ["2"] * 2 + ["2,5"] * 2 + ["3"] * 2 + ["1,4"] * 2 + ["1,4,5"] * 2 + ["1,5"] * 2
LINES += ["4"] * 2 + ["4,5"] * 2 + ["5"] * 2
"""The true answers to two videos of each folder."""


def write_video(path: Path, distortions: Sequence[Distortion], seed: int, frames: int = 4) -> Path:
    """A moving scene, lossless, 10 frames/s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, large = np.random.default_rng(seed), scene(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height = stream.width = 64
        stream.pix_fmt = "bgr0"
        for i in range(frames):
            pixels = np.ascontiguousarray(large[i : i + 64, i : i + 64])
            for distortion in distortions:
                pixels = distortion(pixels, rng)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short videos, half of them noisy."""
    folder = tmp_path_factory.mktemp("clips")
    for seed in range(6):
        write_video(folder / "speckled" / f"clip{seed}.mkv", [noise], seed, frames=8)
        write_video(folder / "clean" / f"clip{seed}.mkv", [], seed, frames=8)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, few_draws: None) -> None:
    """Few steps of fitting are enough here."""
    pytest.importorskip("sklearn")
    from distortion_heads.training.heads import fit_layers as fit

    monkeypatch.setattr(fit, "MIN_STEPS", 60)
    monkeypatch.setattr(fit, "MAX_STEPS", 60)


def test_head_is_trained_on_videos_and_judges_one(dheads: Dheads, clips: Path, home: Path) -> None:
    result = dheads("add-head", "speckled", "--data", clips, "--frames", "4", "--family", "noise")
    assert result.code == 0, result.err
    made = re.search(r"trained on +48 frames of 12 videos, and (\d+) of them with other distortions", result.out)
    assert made is not None
    assert "Measured on 48 frames of 12 videos, each by a head that did not see its scene (5 folds)" in result.out
    assert "Traceback" not in result.err
    provenance = read_head(home / "heads" / "speckled.safetensors").provenance
    assert provenance.command.endswith("--view native --seed 0 --family noise --frames 4")
    assert (provenance.n_pos, provenance.n_neg) == (24, 24 + int(made[1]))
    answers = [
        json.loads(dheads("predict", "--json", "--heads", "speckled", clips / name / "clip0.mkv").out)["heads"][0]
        for name in ("clean", "speckled")
    ]
    assert answers[0]["probability"] < answers[1]["probability"]


def test_parts_of_videos_in_a_csv(dheads: Dheads, clips: Path, tmp_path: Path) -> None:
    rows = [
        f"{clips / folder / f'clip{i}.mkv'},{label},{start},{end}"
        for i in range(6)
        for folder, label in (("speckled", 1), ("clean", 0))
        for start, end in (("", "0.4s"), ("0:00.4", ""))
    ]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["path,label,start,end", *rows]))
    result = dheads("add-head", "speckled", "--data", file, "--frames", "2", "--no-rivals")
    assert result.code == 0, result.err
    assert re.search("trained on             48 frames of 12 videos$", result.out, re.MULTILINE)


def test_too_few_videos_and_frames_without_videos(dheads: Dheads, clips: Path, tmp_path: Path, home: Path) -> None:
    for seed in range(3):
        write_video(tmp_path / "speckled" / f"{seed}.mkv", [noise], seed)
        write_video(tmp_path / "clean" / f"{seed}.mkv", [], seed)
    few = dheads("add-head", "speckled", "--data", tmp_path)
    assert (few.code, few.out) == (1, "")
    assert "3 different files with the distortion and 3 without are too few" in few.error
    (clips / "clean" / "broken.mp4").write_bytes(b"no video")
    broken = dheads("add-head", "speckled", "--data", clips, "--no-rivals", "--json")
    dheads("remove-head", "speckled", "--yes")
    (clips / "clean" / "broken.mp4").unlink()
    assert broken.code == 1
    assert "error: 1 of 13 files cannot be used and is left out: " in broken.err
    assert "broken.mp4: not a video" in broken.err
    (left_out,) = json.loads(broken.out)["left_out"]
    assert left_out["path"] == str(clips / "clean" / "broken.mp4")
    assert left_out["reason"].startswith("not a video")
    usage = dheads("add-head", "speckled", "--clean", clips, "--frames", "3")
    assert (usage.code, usage.out) == (2, "")
    assert "--frames goes with --data" in usage.error
    assert not list((home / "heads").glob("*.safetensors"))


@pytest.fixture(scope="module")
def lvq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of five scenes."""
    folder = tmp_path_factory.mktemp("lvq")
    for name, distortions in LVQ.items():
        for number in range(1, 6):
            write_video(folder / name / f"video{number}_{number % 4 + 1}.avi", distortions, number, frames=2)
    return folder


def test_lvq_is_evaluated_as_the_challenge_did(dheads: Dheads, lvq: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = dheads("evaluate", lvq, "--repeats", "1", "--frames", "2", "--out", out)
    assert result.code == 0, result.err
    assert all(name in result.lines[0] for name in ("all right", "micro F1", "single right", "single F1", "s/frame"))
    content = json.loads((out / "result.json").read_text())
    assert_valid("evaluation", content)
    assert content["dataset"]["name"] == "lvq"
    assert (content["dataset"]["records"], content["dataset"]["scenes"], content["dataset"]["multiple"]) == (50, 5, 25)
    assert content["labels"] == ["white_noise", "lens_blur", "motion_blur", "smoke", "uneven_illumination"]
    figures = content["rows"][0]["figures"]
    report = (out / "report.md").read_text()
    section = report.split("## As the ICIP 2020 challenge counts")[1].split("\n## ")[0]
    shown = section.strip().splitlines()[-1]
    assert [f"{figures[name]['median']:.3f}" for name in ("micro_f1", "single_right", "exact")] == [
        cell.strip() for cell in shown.strip("|").split("|")[1:]
    ]
    scores = dheads("score2020", out / "result.json")
    assert scores.code == 0
    assert f"{figures['micro_f1']['median']:.3f} (1)" in scores.lines[1]


@pytest.fixture
def two_of_each(lvq: Path, tmp_path: Path) -> Path:
    """Videos 2 and 10 of each class: their order is not that of their letters."""
    for name in LVQ:
        for number, source in ((2, 1), (10, 2)):
            target = tmp_path / "test" / name / f"video{number}_1.avi"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((lvq / name / f"video{source}_{source % 4 + 1}.avi").read_bytes())
    return tmp_path / "test"


def test_submission_has_what_is_present_and_is_read_back(dheads: Dheads, two_of_each: Path, tmp_path: Path) -> None:
    file, numbers = tmp_path / "predict.txt", {}
    heads = "white_noise,lens_blur,motion_blur,smoke,uneven_illumination,jpeg"
    result = dheads("predict", two_of_each, "--heads", heads, "--json", "--submission", file)
    assert result.code == 0, result.err
    assert "20 videos in natural order of their paths, " in result.error
    for line in result.lines:
        answer = json.loads(line)
        present = {head["label"] for head in answer["heads"] if head["present"]}
        numbers[answer["path"]] = ",".join(
            str(i) for i, label in enumerate(heads.split(",")[:5], 1) if label in present
        )
    order = [str(two_of_each / name / f"video{number}_1.avi") for name in sorted(LVQ) for number in (2, 10)]
    assert file.read_text() == "\n".join(numbers[path] for path in order)

    again = tmp_path / "again.txt"
    result = dheads("submission2020", two_of_each, "--out", again)
    assert (result.code, result.out) == (0, "")
    assert again.read_text() == file.read_text()

    right = tmp_path / "truth.txt"
    right.write_text("\n".join(LINES) + "\n")
    scores = dheads("score2020", file, right, "--truth", two_of_each, "--seconds", "0.5", "--seconds", "2")
    assert scores.code == 0, scores.err
    assert scores.lines[1].split()[:2] == ["1.15", str(right)]  # first by all but time
    assert scores.lines[1].count("1.000 (1)") == 3
    same = dheads("score2020", file, right, "--truth", right)
    assert [line.split()[1] for line in same.lines[1:]] == [str(right), str(file)]
    assert "no times were given" in same.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--heads", "jpeg"), "--submission needs the heads white_noise"),
        (("extra.png",), "extra.png: a picture"),
        (("missing.avi",), "missing.avi: no such file"),
    ],
)
def test_submission_that_cannot_be_made(
    dheads: Dheads, lvq: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    Image.fromarray(scene(1)).save(tmp_path / "extra.png")
    words = [tmp_path / word if "." in word else word for word in arguments]
    result = dheads("predict", lvq / "awgn", *words, "--submission", tmp_path / "predict.txt")
    assert (result.code, result.out) == (2, "")
    assert says in result.error
    assert not (tmp_path / "predict.txt").exists()


def test_a_damaged_video_has_an_empty_line(dheads: Dheads, two_of_each: Path, tmp_path: Path) -> None:
    folder, file = two_of_each / sorted(LVQ)[0], tmp_path / "predict.txt"
    (folder / "video3_1.avi").write_bytes(b"RIFF0000AVI torn")
    result = dheads("submission2020", folder, "--out", file, "--frames", "2")
    assert result.code == 1
    assert "video3_1.avi" in result.err
    assert file.read_text().split("\n")[1] == ""
    for words in (("--out", tmp_path / "no" / "x"), ("extra.png", "--out", file)):
        assert dheads("submission2020", folder, *words).code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--seconds", "1"), 2, "--seconds goes with --truth"),
        (("--truth", "t.txt", "--protocol", "disjoint"), 2, "--truth for submissions"),
        (("--truth", "t.txt"), 1, "has 2 lines, and there are 1 videos"),
        (("--truth", "nowhere"), 1, "nowhere: cannot be read"),
    ],
)
def test_scores_that_cannot_be_had(
    dheads: Dheads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text("1,4")
    Path("p.txt").write_text("1\n2")
    result = dheads("score2020", "p.txt", *arguments)
    assert (result.code, result.out) == (code, "")
    assert says in result.error
