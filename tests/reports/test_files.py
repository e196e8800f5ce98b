"""Files of a report."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import pytest

from distortion_heads.errors import DataError
from distortion_heads.reports.files import plain, to_json, write_files


def test_files_are_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    write_files(tmp_path / "deep/out", {"a.md": b"one", "b.json": to_json({"two": 2})})
    assert (tmp_path / "deep/out/a.md").read_bytes() == b"one"
    assert (tmp_path / "deep/out/b.json").read_bytes() == b'{\n "two": 2\n}\n'
    assert len(list((tmp_path / "deep/out").iterdir())) == 2


def test_what_is_in_the_way_is_named_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file cannot be written: .*; choose another --out$"):
        write_files(tmp_path / "file", {"a.md": b""})
    (tmp_path / "out/a.md").mkdir(parents=True)
    with pytest.raises(DataError, match=r"a\.md cannot be written: Is a directory; choose another --work$"):
        write_files(tmp_path / "out", {"a.md": b""}, "--work")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.md"]


def test_plain_values_are_what_json_holds() -> None:
    value = OrderedDict(a=(1.0000049, float("nan")), b=[{"c": float("-inf")}], d=7, e="x", f=None, g=True)
    expected = {"a": [1.0, None], "b": [{"c": None}], "d": 7, "e": "x", "f": None, "g": True}
    assert plain(value) == expected == json.loads(to_json(plain(value)))
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(value)
