"""How long one file may take: small ones by default, all where the variable says so, and streams never."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from distortion_heads.datasets.audit.splits import read_names
from distortion_heads.datasets.published.files import table
from distortion_heads.datasets.published.mat import read_arrays
from distortion_heads.datasets.published.xlsx import read_sheets
from distortion_heads.errors import DataError, DheadsError, InputError
from distortion_heads.io import time_limit
from distortion_heads.io.images import load_image
from distortion_heads.io.inputs import Input
from distortion_heads.io.pages import page_sources
from distortion_heads.io.time_limit import SMALL_FILE_SECONDS, TIMEOUT_VARIABLE, TimeLimit
from distortion_heads.io.video.options import Follow, VideoOptions
from distortion_heads.io.video.reader import open_video
from helpers.video_clips import grey, write_clip


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file take too long."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "1e-9")


def after(seconds: float, limit: Callable[[], TimeLimit], monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Why no more is read of a file that has been read for so long."""
    now = [100.0]
    monkeypatch.setattr(time_limit.time, "monotonic", lambda: now[0])
    begun = limit()
    now[0] += seconds
    return begun.reason


def test_small_files_have_a_limit_and_large_ones_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert after(SMALL_FILE_SECONDS - 1, lambda: TimeLimit(1000, {}), monkeypatch) is None
    said = after(SMALL_FILE_SECONDS + 1, lambda: TimeLimit(1000, {}), monkeypatch)
    assert said == f"took over 300 s, the limit for a file below 1 MiB: set {TIMEOUT_VARIABLE} to more seconds"
    assert after(1e6, lambda: TimeLimit(1 << 20, {}), monkeypatch) is None


def test_the_variable_is_for_files_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (10, 1 << 30):
        limit = lambda size=size: TimeLimit(size, {TIMEOUT_VARIABLE: "9"})  # noqa: E731
        assert after(8, limit, monkeypatch) is None
        assert (
            after(10, limit, monkeypatch)
            == f"took over 9 s, the limit for a file: set {TIMEOUT_VARIABLE} to more seconds"
        )
    assert after(1e9, lambda: TimeLimit(10, {TIMEOUT_VARIABLE: "inf"}), monkeypatch) is None


@pytest.mark.parametrize("text", ["0", "-3", "nan", "soon"])
def test_a_limit_that_is_none_is_told(text: str) -> None:
    with pytest.raises(DheadsError, match=f"{TIMEOUT_VARIABLE}='{text}': give a number of seconds above 0"):
        TimeLimit(10, {TIMEOUT_VARIABLE: text})


@pytest.mark.usefixtures("no_time")
def test_pictures_and_their_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(InputError, match="took over 1e-09 s"):
        load_image(path)
    (page,) = page_sources([Input(str(path), page=1)])
    with pytest.raises(InputError, match="took over"):
        load_image(page)


def test_a_video_gives_what_was_read_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", [grey(90)] * 30)
    monkeypatch.setattr(time_limit, "SMALL_FILE_SECONDS", 40.5)
    seconds = iter(range(1000))
    monkeypatch.setattr(time_limit.time, "monotonic", lambda: next(seconds) * 5.0)
    with closing(open_video(path, VideoOptions(max_frames=1000))) as video:
        assert 2 <= len(list(video.frames())) < 10
        assert "took over 40.5 s" in str(video.damage)
    monkeypatch.undo()
    monkeypatch.setenv(TIMEOUT_VARIABLE, "1e-9")
    for options in (VideoOptions(), VideoOptions(follow=Follow(patience=0.1))):
        with path.open("rb") as stream, closing(open_video(stream, options)) as video:
            assert len(list(video.frames())) == 30  # a stream is as long as its writer wants


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.pkl", "a.npy", "a.xlsx", "a.mat"])
def test_tables(name: str, tmp_path: Path) -> None:
    import pickle

    path, stream = tmp_path / name, io.BytesIO()
    if name == "a.xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        book.active.append(["x.png"])
        book.save(stream)
    if name == "a.npy":
        np.save(stream, np.array(["x.png"]))
    if name == "a.mat":
        savemat(stream, {"dmos": np.zeros(2)})
    data = {"a.csv": b"path,part\nx.png,a\n", "a.txt": b"x.png\n", "a.pkl": pickle.dumps(["x.png"])}
    readers = {
        "a.xlsx": read_sheets,
        "a.csv": lambda file: list(table(file, "path")),
        "a.mat": lambda file: read_arrays(file, ["dmos"]),
    }
    path.write_bytes(data.get(name, stream.getvalue()))
    with pytest.raises(DataError, match=rf"{name}: .*took over 1e-09 s, the limit for a file: set {TIMEOUT_VARIABLE}"):
        readers.get(name, read_names)(path)


def test_arrays_are_no_files() -> None:
    assert load_image(np.zeros((8, 8, 3), np.uint8)).shape == (8, 8, 3)
