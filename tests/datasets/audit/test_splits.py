"""Split files of every kind -> parts of a dataset."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distortion_heads.datasets.audit.splits import MAX_PARTS, DeclaredSplit, assign, read_names, read_split
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

NAMES = ["I01_01_01.png", "I02_10_03.png"]
ROOT = Path("/data/kadid")


def corpus(*names: str) -> Corpus:
    records = [Record(path=ROOT / name, scene=Path(name).stem.split("_")[0]) for name in sorted(names)]
    return Corpus(name="kadid10k", folder=ROOT, labels=(), records=tuple(records))


def write(path: Path, content: object) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(content))
    elif path.suffix in (".pkl", ".p", ".weird"):
        path.write_bytes(pickle.dumps(content, 2))
    else:
        assert isinstance(content, str)
        path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.txt", "I01_01_01.png\n\nI02_10_03.png\n"),
        ("train.json", NAMES),
        ("train.pkl", NAMES),
        ("train.p", tuple(NAMES)),
        ("train.weird", NAMES),
        ("train.pkl", [(name, 1, 0, 0.5) for name in NAMES]),
        ("train.json", [[name, 1, 0] for name in NAMES]),
        ("both.pkl", {"train": NAMES}),
        ("both.json", {"train": [[name, 1] for name in NAMES]}),
        ("both.csv", "path,part\nI01_01_01.png,train\nI02_10_03.png,train\n"),
    ],
)
def test_every_kind_of_file(name: str, content: object, tmp_path: Path) -> None:
    assert read_names(write(tmp_path / name, content)) == {"train": NAMES}


def test_lists_in_a_list_are_parts(tmp_path: Path) -> None:
    assert read_names(write(tmp_path / "split.pkl", [NAMES, ["a.png", "b.png"]])) == {
        "split[0]": NAMES,
        "split[1]": ["a.png", "b.png"],
    }


@pytest.mark.parametrize("kind", [np.str_, np.bytes_])
def test_arrays(kind: type, tmp_path: Path) -> None:
    array = np.array(NAMES).astype(kind)
    np.save(tmp_path / "train.npy", array)
    np.savez(tmp_path / "both.npz", train=array, test=array[:1])
    assert read_names(tmp_path / "train.npy") == {"train": NAMES}
    assert read_names(tmp_path / "both.npz") == {"train": NAMES, "test": NAMES[:1]}


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.array(NAMES, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="without pickle"):
        read_names(tmp_path / "train.npy")
    np.save(tmp_path / "train.npy", np.arange(3))
    with pytest.raises(DataError, match="int64, not of text"):
        read_names(tmp_path / "train.npy")


def test_headers_of_arrays_are_short_and_few(tmp_path: Path) -> None:
    """What Python 2 wrote is read in two passes, token by token; thousands of such headers would take a minute."""
    text = "{'descr': '<U1', 'fortran_order': False, 'shape': (%sL,)}"

    def array(header: str) -> bytes:
        return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + "x".encode("utf-32-le")

    (tmp_path / "a.npy").write_bytes(array(text % 1))
    assert read_names(tmp_path / "a.npy") == {"a": ["x"]}
    (tmp_path / "a.npy").write_bytes(array(text.replace("{", "{" + "'descr': '<U1', " * 70) % 1))
    with pytest.raises(DataError, match="Header info length") as caught:
        read_names(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for index in range(MAX_PARTS + 1):
            archive.writestr(f"{index}.npy", array(text % 1))
    with pytest.raises(DataError, match="it has more than 100 arrays"):
        read_names(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", 5, "no list of file names"),
        ("a.json", [1, 2], "expected a list of file names"),
        ("a.json", {"train": 3}, "expected a list of file names"),
        ("a.json", [["a.png", "b.png"], 3], "expected a list of file names"),
        ("a.pkl", {}, "expected a list"),
        ("a.pkl", {1 << 20_000: NAMES}, "a part is called by a number of thousands of digits"),
        ("a.pkl", {"train": {"a.png"}}, "more than lists of names"),
        ("a.txt", "\n\n", "lists no picture"),
        ("a.csv", "path\na.png\n", "no column part"),
        ("a.csv", "path,part\na.png,\n", "line 2: the path or the part is missing"),
        ("a.mat", "MATLAB", "no split file that is known"),
    ],
)
def test_useless_files(name: str, content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_names(write(tmp_path / name, content))


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"train": [' + "[" * 100_000)
    with pytest.raises(DataError, match="no JSON"):
        read_names(tmp_path / "a.json")
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path / "b.json")
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path.with_suffix(".pkl"))


def test_files_are_the_parts(tmp_path: Path) -> None:
    data = corpus("images/I01.png", "images/I01_01_01.png", "images/I02_10_03.png")
    train = write(tmp_path / "train.pkl", ["I01_01_01.PNG", "/home/me/kadid/images/I01.png", "I09.png"])
    test = write(tmp_path / "test.txt", "I02_10_03\nD:\\kadid\\I01.png\n")
    split = read_split([train, test], data)
    paths = {part: [record.path.name for record in records] for part, records in split.parts.items()}
    assert paths == {"train": ["I01_01_01.png", "I01.png"], "test": ["I02_10_03.png", "I01.png"]}
    assert (split.missing, split.ambiguous) == (("I09.png",), ())
    with pytest.raises(DataError, match=r"only one part \(train\)"):
        read_split([train], data)


def test_folders_tell_pictures_of_one_name_apart() -> None:
    data = corpus("jp2k/img1.bmp", "jpeg/img1.bmp", "jpeg/img2.bmp")
    split = assign(
        {"train": ["live/jpeg/img1.bmp", "JP2K\\img1.bmp"], "test": ["img2.bmp", "img1.bmp", "x/img1.bmp"]}, data
    )
    assert isinstance(split, DeclaredSplit)
    assert [record.path.parent.name for record in split.parts["train"]] == ["jpeg", "jp2k"]
    assert [record.path.name for record in split.parts["test"]] == ["img2.bmp"]
    assert split.ambiguous == ("img1.bmp", "x/img1.bmp")


def test_files_that_the_loader_leaves_out_are_not_missing() -> None:
    data = replace(corpus("I01.png"), left_out=(ROOT / "I01_25_03.png",))
    split = assign({"train": ["I01.png", "I01_25_03.PNG"], "test": ["I01_25_04.png"]}, data)
    assert [record.path.name for record in split.parts["train"]] == ["I01.png"]
    assert split.missing == ("I01_25_04.png",)
