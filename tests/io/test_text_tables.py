from __future__ import annotations

import io
from pathlib import Path

import pytest

from distortion_heads.datasets.own_data import read_csv
from distortion_heads.io.inputs import expand_inputs
from distortion_heads.io.text_tables import csv_rows, decoded, open_text
from helpers.command_line import write_picture

MARKED = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("encoding", MARKED)
def test_a_list_of_any_encoding_gives_its_paths(encoding: str, tmp_path: Path) -> None:
    names = [str(write_picture(tmp_path / name)) for name in ("a.png", "b.png")]
    listed = io.TextIOWrapper(io.BytesIO("\r\n".join([*names, ""]).encode(encoding)), encoding="utf-8")
    assert [(item.path, item.error) for item in expand_inputs(["-"], listed)] == [(name, None) for name in names]


def test_names_separated_by_nul_are_no_utf_16() -> None:
    assert decoded(b"a\0b\0c\0") == "a\0b\0c\0"


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("said", [True, False])
def test_tables_of_any_separator(encoding: str, separator: str, said: bool, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    rows = ["path,label", "a.png,1", ""]
    first = f"sep={separator}\r\n" if said else ""
    file = tmp_path / "table.csv"
    file.write_bytes((first + "\r\n".join(rows).replace(",", separator)).encode(encoding))
    (image,) = read_csv(file)
    assert (image.path.name, image.label) == ("a.png", True)
    with open_text(file) as lines:
        assert [line for line, _ in csv_rows(lines)] == ([2, 3] if said else [1, 2])
