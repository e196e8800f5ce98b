from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distortion_heads._system.atomic import replacing, write_atomic


def test_write_atomic_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"old", b"new"):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    script = (
        "import os, sys, signal, pathlib, distortion_heads._system.atomic as w\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "w.write_atomic(pathlib.Path(sys.argv[1]), b'new')"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_the_temporary_file_may_be_anywhere_and_is_removed_after_an_error(tmp_path: Path) -> None:
    path, temporary = tmp_path / "a", tmp_path / "b"
    with replacing(path, temporary=temporary):
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(KeyError), replacing(path, temporary=temporary):
        _write_a_part(temporary)
    with pytest.raises(KeyError), replacing(path / "below", temporary=path / "below a file"):
        _write_a_part(tmp_path / "c")
    (tmp_path / "c").unlink()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("sync", [True, False])
def test_replacing_gives_a_file_its_name_once_it_is_whole(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "a"
    with replacing(path, sync=sync) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    with pytest.raises(FileExistsError), replacing(path, sync=sync) as temporary:
        path.touch(exist_ok=False)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def _write_a_part(path: Path) -> None:
    path.write_bytes(b"part")
    raise KeyError


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from distortion_heads._system.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False, timeout=60)
    assert len(list(tmp_path.iterdir())) == 1
    foreign = tmp_path / ".c.txt.00000000-1.00000000.tmp"  # of another machine
    foreign.write_bytes(b"")
    with replacing(tmp_path / "d.txt") as mine:
        mine.write_bytes(b"d")
        write_atomic(tmp_path / "e.txt", b"e")
    assert {file.name for file in tmp_path.iterdir()} == {foreign.name, "d.txt", "e.txt"}
