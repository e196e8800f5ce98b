"""One writer per folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distortion_heads._system.locks import only_writer
from distortion_heads.errors import DataError

HOLDER = """
import sys
from pathlib import Path
from distortion_heads._system.locks import only_writer
with only_writer(Path(sys.argv[1]), "dheads train"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(DataError, match=r"another dheads train is writing to .*run: wait"),
            only_writer(folder, "dheads train"),
        ):
            pass
    finally:
        holder.kill()  # a lock file that stays behind must not lock anyone out
        holder.communicate()
    with only_writer(folder, "dheads train"):
        pass


def test_a_run_that_comes_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with only_writer(tmp_path / "run", "dheads train"):
        pass
    assert not (tmp_path / "run").exists()
    with only_writer(tmp_path / "run", "dheads train"):
        (tmp_path / "run" / "file").write_text("")
    with only_writer(tmp_path / "run", "dheads train"):
        pass
    assert (tmp_path / "run" / "file").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match=r"run cannot be written: .*; choose another --out$"),
        only_writer(tmp_path / "file" / "run", "dheads train"),
    ):
        pass
