"""Small tables that would cost much: each is refused by what its headers say."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.datasets.audit.splits import read_names
from distortion_heads.datasets.published import files, xlsx
from distortion_heads.datasets.published.files import table
from distortion_heads.datasets.published.xlsx import read_sheets
from distortion_heads.errors import DataError

pytest.importorskip("openpyxl")
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(path: Path, sheet: str | bytes) -> Path:
    """A real workbook whose first sheet is replaced by that text."""
    from openpyxl import Workbook

    stream = io.BytesIO()
    Workbook().save(stream)
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            is_sheet = part.filename == "xl/worksheets/sheet1.xml"
            new.writestr(part.filename, sheet if is_sheet else old.read(part))
    return path


def sheet_of(rows: str) -> str:
    return f'<worksheet xmlns="{SPACE}"><sheetData>{rows}</sheetData></worksheet>'


def npz(path: Path, dtype: str, count: int) -> Path:
    """A compressed array of zeros, written without making it."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": (count,)})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as part,
    ):
        part.write(header.getvalue() + bytes(1 << 20))
    return path


def test_a_workbook_of_many_wide_rows(tmp_path: Path) -> None:
    row = '<row><c r="IV1"/></row>'
    assert len(read_sheets(workbook(tmp_path / "few.xlsx", sheet_of(row * 3)))[0]) == 3
    with pytest.raises(DataError, match=rf"more than \d+ rows or {xlsx.MAX_CELLS} cells; export it as CSV"):
        read_sheets(workbook(tmp_path / "wide.xlsx", sheet_of(row * (xlsx.MAX_CELLS // 256 + 1))))
    with pytest.raises(DataError, match=f"more than {xlsx.MAX_TAGS} tags"):
        read_sheets(workbook(tmp_path / "tags.xlsx", sheet_of("<c/>" * xlsx.MAX_TAGS)))


@pytest.mark.parametrize("encoding", ["utf-16", "cp037", "utf-8"])
def test_a_document_type_hides_in_no_encoding(encoding: str, tmp_path: Path) -> None:
    text = f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{sheet_of("<row><c/></row>")}'
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'
    data = (declaration + text).encode(encoding) if encoding != "cp037" else declaration.encode() + text.encode("cp037")
    with pytest.raises(DataError, match=r"declares a document type|another encoding"):
        read_sheets(workbook(tmp_path / "entity.xlsx", data))


@pytest.mark.parametrize("cut", [30, 300, 2000])
def test_a_damaged_workbook(cut: int, tmp_path: Path) -> None:
    data = bytearray(workbook(tmp_path / "a.xlsx", sheet_of("<row><c/></row>")).read_bytes())
    data[cut : cut + 40] = bytes(40)
    (tmp_path / "a.xlsx").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.xlsx"):
        read_sheets(tmp_path / "a.xlsx")


@pytest.mark.parametrize(("dtype", "count"), [("|S1", 100_000_000), ("<U1", 20_000_000), ("<U1000000", 50)])
def test_a_compressed_array_of_texts(dtype: str, count: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its arrays have more than"):
        read_names(npz(tmp_path / "s.npz", dtype, count))


def test_arrays_of_texts_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "s.npz", train=np.array(["a.png", "bb.png"]), test=np.array([[b"c.png"]]))
    assert read_names(tmp_path / "s.npz") == {"train": ["a.png", "bb.png"], "test": ["c.png"]}
    with pytest.raises(DataError, match="it ends too early"):
        read_names(npz(tmp_path / "short.npz", "<U1", 900_000))


def test_a_list_that_many_parts_share(tmp_path: Path) -> None:
    names = [f"I{i:05d}.png" for i in range(5000)]
    path = tmp_path / "shared.pkl"
    path.write_bytes(pickle.dumps(dict.fromkeys(range(9000), names)))
    with pytest.raises(DataError, match="9000 parts are no split"):
        read_names(path)
    path.write_bytes(pickle.dumps(dict.fromkeys(range(90), names * 10)))
    with pytest.raises(DataError, match="lists more than"):
        read_names(path)
    row = ["a.png", *range(1000)]
    path.write_bytes(pickle.dumps([row] * 1000))
    with pytest.raises(DataError, match="expected a list of file names"):
        read_names(path)


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["path", *(f"c{i}" for i in range(20_000))]) + "\nx.png\n")
    with pytest.raises(DataError, match=f"more than {files.MAX_COLUMNS} columns"):
        list(table(path, "path"))


def test_a_table_of_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["path", *(f"c{i}" for i in range(9))]) + "\n" + "x.png\n" * 50)
    assert len(list(table(path, "path"))) == 50
    monkeypatch.setattr(files, "MAX_CELLS", 400)
    with pytest.raises(DataError, match="more than 400 cells"):
        list(table(path, "path"))
