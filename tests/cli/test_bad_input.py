"""What people give to `dheads` that is wrong: one line each, and the others are still done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from distortion_heads.answers import Prediction
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def text_named_png(path: Path) -> None:
    path.write_text("this is no picture\n")


def truncated_jpeg(path: Path) -> None:
    Image.effect_noise((200, 200), 60).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:2000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pipe(path: Path) -> None:
    os.mkfifo(path)


BAD_FILES = [
    (text_named_png, "not an image"),
    (truncated_jpeg, "truncated"),
    (empty, "not an image: it is empty"),
    (pipe, "no regular file"),
]


@pytest.mark.parametrize(("make", "reason"), BAD_FILES)
def test_bad_file_hurts_no_other(
    dheads: Dheads, pictures: list[Path], tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    bad = tmp_path / "bad.png"
    make(bad)
    result = dheads("predict", "--heads", "always", pictures[0], bad, pictures[1])
    assert result.code == 1
    assert [line.split()[0] for line in result.lines] == [str(pictures[0]), str(pictures[1])]
    assert result.error.startswith(f"dheads: error: {bad}: ")
    assert reason in result.error

    # JSON reports it in its place
    result = dheads("predict", "--json", bad, pictures[0])
    first, second = (json.loads(line) for line in result.lines)
    assert list(first) == ["path", "error"]
    assert first["path"] == str(bad)
    assert reason in first["error"]
    assert second["path"] == str(pictures[0])
    assert (result.code, result.err) == (1, "")


def test_bomb_is_refused_and_can_be_allowed(dheads: Dheads, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "large.png", side=200)
    refused = dheads("predict", "--max-pixels", "39999", path)
    assert refused.code == 1
    assert "200 x 200 = 40000 pixels" in refused.error
    assert "--max-pixels" in refused.error
    assert dheads("predict", "--max-pixels", "40000", path).code == 0


def test_folder_without_image(dheads: Dheads, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing to see")
    result = dheads("predict", folder)
    assert (result.code, result.out) == (1, "")
    assert "no image or video in this folder" in result.error


def test_unreadable_folder(dheads: Dheads, pictures: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    secret = pictures[0].parent / "secret"
    secret.mkdir()
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if path == str(secret):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = dheads("predict", "--heads", "always", secret.parent)
    assert result.code == 1
    assert len(result.lines) == 3
    assert "permission denied" in result.error


def test_what_leads_to_no_file(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("predict", tmp_path / "missing.png", tmp_path / "*.png")
    assert (result.code, result.out) == (1, "")
    assert ["no such file" in result.err, "no file matches" in result.err] == [True, True]


def test_head_of_another_backbone_is_left_out(
    dheads: Dheads, pictures: list[Path], home: Path, ref: BackboneRef
) -> None:
    other = BackboneRef(name="other", fingerprint="ab" * 32, dim=ref.dim)
    attach(home, other, "foreign")
    result = dheads("predict", "--json", pictures[0])
    assert result.code == 0
    assert "foreign" not in result.out
    assert ref.fingerprint in result.error
    assert other.fingerprint in result.error
    chosen = dheads("predict", "--heads", "foreign", pictures[0])
    assert (chosen.code, chosen.out) == (1, "")
    assert other.fingerprint in chosen.error
    strict = dheads("--strict", "predict", pictures[0])
    assert (strict.code, strict.out) == (1, "")


def test_damaged_head_file_is_left_out(dheads: Dheads, pictures: list[Path], home: Path) -> None:
    path = home / "heads" / "never_here.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    result = dheads("predict", pictures[0])
    assert result.code == 0
    assert path.name in result.error
    assert "never_here" not in result.out


def test_without_any_usable_head_nothing_is_called_clean(
    dheads: Dheads, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for heads in ("heads", "video_heads", "quality_heads"):
        monkeypatch.setattr(Predictor, heads, ())
    result = dheads("predict", pictures[0])
    assert (result.code, result.out) == (1, "")
    assert "no head can be used" in result.error


def test_unexpected_exception_loses_no_other_result(
    dheads: Dheads, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assemble = Predictor._assemble

    def stumble(self: Predictor, source: str, *rest: Any, **more: Any) -> Prediction:
        if source == str(pictures[1]):
            raise ZeroDivisionError("division\nby zero")
        return assemble(self, source, *rest, **more)

    monkeypatch.setattr(Predictor, "_assemble", stumble)
    monkeypatch.delenv("DHEADS_DEBUG", raising=False)
    result = dheads("predict", "--heads", "always", *pictures)
    assert result.code == 1
    assert [line.split()[0] for line in result.lines] == [str(pictures[0]), str(pictures[2])]
    assert "ZeroDivisionError: division by zero: this is a bug" in result.error
    monkeypatch.setenv("DHEADS_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        dheads("predict", *pictures)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is not limited elsewhere")
def test_too_little_memory_is_no_bug() -> None:
    """What an array that does not fit raises; a limit of address space would fall elsewhere on every machine."""
    code = (
        "import numpy, resource, sys; from dheads_cli.output.console import describe_bug\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "try: numpy.ones(1 << 30)\n"
        "except MemoryError as error: print(describe_bug(error))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("not enough memory (Unable to allocate 8.00 GiB")
    assert "bug" not in done.stdout


def test_unwritable_csv(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    result = dheads("predict", "--csv", tmp_path / "no" / "folder.csv", pictures[0])
    assert (result.code, result.out) == (1, "")
    assert "folder.csv" in result.error
