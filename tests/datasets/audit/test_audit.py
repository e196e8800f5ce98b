"""Every check finds what is there, and nothing in a dataset that is sound."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from distortion_heads.datasets.audit.audit import audit_corpus
from distortion_heads.datasets.audit.findings import Audit, Finding, audit_to_dict
from distortion_heads.datasets.audit.noise import disagrees, spread
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Record
from distortion_heads.registry.build import build_registry
from helpers.little_pictures import noisy, save, scene


def write_dataset(
    root: Path, *, scenes: Iterable[int] = range(4), strengths: Mapping[int, float] | None = None
) -> Path:
    """KADID-10k's layout with type 11 at five levels: noise of `strengths` standard deviations by level."""
    strengths = strengths or {1: 4, 2: 8, 3: 12, 4: 20, 5: 30}
    rows = ["dist_img,ref_img,dmos"]
    for number in scenes:
        clean = scene(number, 48)
        save(root / "images" / f"I{number + 1:02d}.png", clean)
        noise = np.random.default_rng(number).normal(0, 1, clean.shape)
        for level, strength in strengths.items():
            name = f"I{number + 1:02d}_11_{level:02d}.png"
            save(root / "images" / name, np.clip(np.rint(clean + strength * noise), 0, 255).astype(np.uint8))
            rows.append(f"{name},I{number + 1:02d}.png,3")
    (root / "dmos.csv").write_text("\n".join(rows))
    return root


def audit(root: Path, *splits: Path, kind: str | None = None) -> Audit:
    return audit_corpus(load_corpus(root, kind), splits=splits, jobs=2)


def found(report: Audit) -> dict[str, Finding]:
    assert len({finding.check for finding in report.findings}) == len(report.findings)
    return {finding.check: finding for finding in report.findings}


def split_file(path: Path, parts: Mapping[str, Iterable[str]]) -> Path:
    path.write_text("\n".join(["path,part", *(f"{name},{part}" for part, names in parts.items() for name in names)]))
    return path


def test_sound_dataset(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data")
    parts = {
        part: [path.name for path in sorted((root / "images").glob("*.png")) if int(path.name[1:3]) in numbers]
        for part, numbers in {"train": (1, 2, 3), "test": (4,)}.items()
    }
    report = audit(root, split_file(tmp_path / "split.csv", parts))
    assert report.findings == ()
    assert report.sound
    assert (report.records, report.scenes, report.labels) == (24, 4, ("white_noise",))
    assert audit_to_dict(report)["sound"] is True


def test_scenes_shared_by_name(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data")
    names = sorted(path.name for path in (root / "images").glob("*.png"))
    leaky = split_file(tmp_path / "split.csv", {"train": names[0::2], "test": names[1::2]})
    report = audit(root, leaky)
    shared = found(report)["shared scenes"]
    assert not report.sound
    assert (shared.grade, shared.count, shared.total) == ("wrong", 4, 4)
    assert shared.examples[0] == "I01"


def test_unknown_names_of_a_split(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", scenes=range(2))
    split = split_file(tmp_path / "s.csv", {"train": ["I01.png", "I77.png"], "test": ["I02.png"]})
    finding = found(audit(root, split))["split names"]
    assert (finding.count, finding.total, finding.examples) == (1, 3, ("I77.png",))


def test_scenes_that_look_alike(tmp_path: Path) -> None:
    """A scene under a second name, brightened a little, is found by its looks alone."""
    root = write_dataset(tmp_path / "data")
    twin = np.clip(scene(0, 48).astype(int) + 9, 0, 255).astype(np.uint8)
    save(root / "images" / "I04.png", twin)
    assert found(audit(root))["scenes that look alike"].grade == "suspect"
    parts = {"train": ["I01.png", "I02.png"], "test": ["I03.png", "I04.png"]}
    report = audit(root, split_file(tmp_path / "split.csv", parts))
    alike = found(report)["scenes that look alike"]
    assert (alike.grade, alike.count, alike.examples) == ("wrong", 2, ("I01 = I04",))
    parts = {"train": ["I02.png"], "test": ["I03.png", "I01.png", "I04.png"]}
    assert "scenes that look alike" not in found(audit(root, split_file(tmp_path / "split.csv", parts)))


def test_copies_of_the_reference(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", strengths={1: 0, 2: 8, 3: 12})
    report = audit(root)
    copy = found(report)["same as reference"]
    assert (copy.grade, copy.count, copy.total) == ("wrong", 4, 4)
    assert "white_noise level 1" in copy.message
    assert "duplicates" not in found(report)


def test_identities_of_kadid_are_handled(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", scenes=range(2))
    with (root / "dmos.csv").open("a") as stream:
        for number in (1, 2):
            shutil.copy(root / "images" / f"I{number:02d}.png", root / "images" / f"I{number:02d}_01_01.png")
            stream.write(f"\nI{number:02d}_01_01.png,I{number:02d}.png,5")
    report = audit(root)
    copy = found(report)["same as reference"]
    assert report.sound
    assert (copy.grade, copy.count) == ("handled", 2)


def test_levels_out_of_order(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", strengths={1: 4, 2: 20, 3: 12, 4: 24, 5: 30})
    levels = found(audit(root))["levels"]
    assert (levels.grade, levels.count, levels.total) == ("wrong", 4, 4)
    assert "white_noise" in levels.message


def test_duplicates_within_and_across_scenes(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data")
    shutil.copy(root / "images" / "I01_11_05.png", root / "images" / "I01_11_04.png")
    one = found(audit(root))["duplicates"]
    assert (one.grade, one.count, one.examples) == ("suspect", 2, ("I01_11_04.png = I01_11_05.png",))
    shutil.copy(root / "images" / "I01_11_05.png", root / "images" / "I02_11_05.png")
    report = audit(root)
    assert found(report)["duplicates"].grade == "wrong"
    assert not report.sound


def test_one_picture_under_two_labels(tmp_path: Path) -> None:
    for label, number in (("rain", 0), ("rain", 1), ("clean", 2), ("clean", 3)):
        save(tmp_path / label / f"{label}{number}.png", scene(number, 48))
    save(tmp_path / "clean" / "copy.png", scene(0, 48))
    conflict = found(audit(tmp_path))["conflicting labels"]
    assert (conflict.grade, conflict.count, conflict.examples) == ("wrong", 2, ("copy.png = rain0.png",))


def test_a_file_format_that_goes_with_a_label(tmp_path: Path) -> None:
    for number in range(16):
        save(tmp_path / ("rain" if number % 2 else "clean") / f"{number}.png", scene(number, 48))
    assert "shortcuts" not in found(audit(tmp_path))
    for path in (tmp_path / "rain").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    report = audit(tmp_path)
    shortcut = found(report)["shortcuts"]
    assert report.sound
    assert (shortcut.grade, shortcut.count, shortcut.examples) == ("suspect", 1, ("rain",))
    assert (
        shortcut.message == "all 8 pictures with rain are JPEG and all 8 without are PNG: a head may learn this instead"
    )


def test_no_clean_pictures(tmp_path: Path) -> None:
    for label in ("rain", "fog"):
        for number in range(3):
            save(tmp_path / "data" / label / f"{label}{number}.png", noisy(scene(number + 3 * (label == "fog"), 48), 1))
    report = audit(tmp_path / "data", kind="folder")
    assert found(report)["clean pictures"].grade == "wrong"
    save(tmp_path / "data" / "clean" / "rain0.png", scene(0, 48))
    bare = found(audit(tmp_path / "data"))["clean pictures"]
    assert (bare.grade, bare.examples) == ("suspect", ("fog",))


def test_part_without_clean_pictures(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", scenes=range(2))
    parts = {"train": ["I01.png", "I01_11_01.png"], "test": ["I02_11_01.png"]}
    finding = found(audit(root, split_file(tmp_path / "split.csv", parts)))["clean pictures"]
    assert (finding.grade, finding.count) == ("wrong", 1)
    assert "in test" in finding.message


def test_unreadable_pictures_and_sizes(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", scenes=range(2))
    (root / "images" / "I01_11_02.png").write_bytes(b"no picture")
    save(root / "images" / "I01_11_03.png", scene(0, 40))
    findings = found(audit(root))
    assert findings["unreadable"].examples[0].startswith("I01_11_02.png: not an image")
    assert findings["sizes"].examples == ("I01_11_03.png",)


def test_missing_reference_spoils_its_pictures_only(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "data", scenes=range(2))
    (root / "images" / "I01.png").write_bytes(b"no picture")
    assert found(audit(root))["unreadable"].count == 6


def test_videos_are_compared_by_their_first_frame(tmp_path: Path) -> None:
    for name, number in (("clean/a", 0), ("smoke/b", 0), ("smoke/c", 1)):
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        with av.open(str(path), "w") as video:
            stream = video.add_stream("mpeg4", rate=Fraction(5))
            stream.width = stream.height = 96
            stream.pix_fmt = "yuv420p"
            for _ in range(2):
                video.mux(stream.encode(av.VideoFrame.from_ndarray(scene(number), format="rgb24")))
            video.mux(stream.encode())
    (tmp_path / "smoke" / "d.mp4").write_bytes(b"no video")
    findings = found(audit(tmp_path))
    assert findings["conflicting labels"].examples == ("a.mp4 = b.mp4",)
    assert findings["unreadable"].examples[0].startswith("d.mp4: not a video that can be read")


def test_label_noise_of_confident_heads(tmp_path: Path, photo: np.ndarray) -> None:
    """Heavy JPEG among the clean pictures, and a clean one among those labelled JPEG."""
    from PIL import Image

    clean, compressed = Image.fromarray(photo[:256, :256]), tmp_path / "clean" / "compressed.jpg"
    for folder in ("clean", "jpeg"):
        (tmp_path / folder).mkdir()
    clean.save(compressed, quality=8)
    clean.save(tmp_path / "jpeg" / "untouched.png")
    report = audit_corpus(load_corpus(tmp_path), registry=build_registry(no_plugins=True))
    noise = [finding for finding in report.findings if finding.check == "label noise"]
    named = {finding.examples[0].split()[0]: finding for finding in noise}
    assert set(named) == {"compressed.jpg", "untouched.png"}
    assert {finding.grade for finding in noise} == {"suspect"}
    assert report.sound == (not any(finding.grade == "wrong" for finding in report.findings))
    assert any(line.startswith("label noise: 2 of 2 pictures, 1 heads") for line in report.checked)


@pytest.mark.parametrize(
    ("severities", "probability", "doubted"),
    [
        ({}, 0.99, True),
        ({}, 0.9, False),
        ({"jpeg": 4.0}, 0.01, True),
        ({"jpeg": 4.0}, 0.1, False),
        ({"jpeg": 1.0}, 0.01, False),
        ({"jpeg": float("nan")}, 0.01, True),
        ({"jpeg": 1.0}, 0.99, False),
    ],
)
def test_what_counts_as_disagreement(severities: dict[str, float], probability: float, doubted: bool) -> None:
    record = Record(path=Path("a.png"), scene="a", severities=severities)
    assert disagrees(record, "jpeg", probability) is doubted


def test_judged_pictures_are_spread_evenly() -> None:
    records = [Record(path=Path(f"{i}.png"), scene="a") for i in range(10)]
    assert [record.path.stem for record in spread(records, 4)] == ["0", "2", "5", "7"]
    assert spread(records, 20) == records
