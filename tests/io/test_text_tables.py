from __future__ import annotations

import io
from pathlib import Path

import pytest

from distortion_heads.datasets.own_data import read_csv
from distortion_heads.io.inputs import expand_inputs
from distortion_heads.io.text_tables import csv_cells, csv_path, csv_rows, csv_text, decoded, open_text, reread_path
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


@pytest.mark.parametrize("text", ["=1+1", "+a", "-b", "@c", "\tx", "\rx"])
def test_no_cell_that_we_write_is_a_formula(text: str) -> None:
    for cell in (csv_path(text), csv_text(text), reread_path(text), *csv_cells([text])):
        assert isinstance(cell, str)
        assert cell[0] not in "=+-@\t\r"


def test_cells_keep_what_is_harmless() -> None:
    assert csv_cells(["a b", "-0.5", "+1e-3", 2, None, "1=2"]) == ["a b", "-0.5", "+1e-3", 2, None, "1=2"]
    assert csv_path(None) is None
    assert csv_path("a/b.png") == "a/b.png"


def test_control_characters_are_written_out() -> None:
    assert csv_path("a\x1b[31m\n.png") == "a\\x1b[31m\\n.png"
    assert csv_text("a\udc80\x07") == "a\\udc80\\x07"
    assert reread_path("a\nb") == "a\nb"
