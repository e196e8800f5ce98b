from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

fsspec = pytest.importorskip("fsspec")

from distortion_heads.datasets.fetch import fetched
from distortion_heads.errors import DataError


def tar_of(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_shards_become_one_folder_and_are_fetched_once(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/fetch/set/a.tar", tar_of({"clean/1.png": b"1", "rain/1.png": b"r"}))
    memory.pipe_file("/fetch/set/b.tar", tar_of({"clean/2.png": b"2"}))
    memory.pipe_file("/fetch/set/more/notes.txt", b"n")
    folder = fetched("memory://fetch/set", tmp_path)
    assert folder.name == "set"
    wanted = {"clean/1.png": b"1", "rain/1.png": b"r", "clean/2.png": b"2", "more/notes.txt": b"n"}
    assert content(folder) == wanted
    (folder / "clean" / "1.png").write_bytes(b"kept")
    assert fetched("memory://fetch/set", tmp_path) == folder
    assert content(folder)["clean/1.png"] == b"kept"
    memory.pipe_file("/fetch/set/b.tar", tar_of({"clean/2.png": b"another"}))
    assert content(fetched("memory://fetch/set", tmp_path))["clean/2.png"] == b"another"


def test_a_shard_that_broke_off_is_fetched_again(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    (shards / "a.tar").write_bytes(tar_of({"clean/1.png": b"1"}))
    whole = tar_of({"clean/2.png": b"2" * 5000})
    (shards / "b.tar").write_bytes(whole[:2000])
    with pytest.raises(DataError, match="cannot be fetched"):
        fetched(f"file://{shards}", tmp_path / "cache")
    (shards / "b.tar").write_bytes(whole)
    assert content(fetched(f"file://{shards}", tmp_path / "cache")).keys() == {"clean/1.png", "clean/2.png"}


def test_one_file_is_fetched_too(tmp_path: Path) -> None:
    (tmp_path / "data.tar").write_bytes(tar_of({"clean/1.png": b"1"}))
    assert content(fetched(f"file://{tmp_path}/data.tar", tmp_path / "cache")) == {"clean/1.png": b"1"}
    (tmp_path / "list.csv").write_text("path,label\n")
    assert fetched(f"file://{tmp_path}/list.csv", tmp_path / "cache").read_text() == "path,label\n"


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(tar_of({"../../../evil.png": b"x"}))
    with pytest.raises(DataError, match="leads out"):
        fetched(f"file://{tmp_path}/bad.tar", tmp_path / "cache" / "deep" / "er")
    assert not list(tmp_path.rglob("evil.png"))


def test_what_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    for url in ("memory://nothing/there", "no_such_protocol://x"):
        with pytest.raises(DataError, match="cannot be fetched"):
            fetched(url, tmp_path)
