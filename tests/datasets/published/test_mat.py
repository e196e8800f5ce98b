from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from distortion_heads.datasets.published import mat
from distortion_heads.datasets.published.mat import read_arrays, read_texts
from distortion_heads.errors import DataError

NAMES = ("dmos", "orgs")


def saved(path: Path, compressed: bool = True, **values: Any) -> Path:
    savemat(path, values, do_compression=compressed)
    return path


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(kind: int, shape: tuple[int, ...], name: bytes, body: bytes) -> bytes:
    dimensions = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, element(6, struct.pack("<II", kind, 0)) + dimensions + element(1, name) + body)


def mat_file(path: Path, *elements: bytes) -> Path:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    path.write_bytes(header + b"".join(elements))
    return path


def compressed(inner: bytes) -> bytes:
    data = zlib.compress(inner, 9)
    return struct.pack("<II", 15, len(data)) + data


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i2", "u4", "i8"])
def test_numbers_of_all_types_are_what_scipy_wrote(dtype: str, packed: bool, tmp_path: Path) -> None:
    values = np.arange(15).reshape(3, 5).astype(dtype)
    path = saved(tmp_path / "a.mat", packed, other=np.array(["x", "y"], object), dmos=values, orgs=values.T > 3)
    found = read_arrays(path, NAMES)
    assert set(found) == {"dmos", "orgs"}
    np.testing.assert_array_equal(found["dmos"], values)
    np.testing.assert_array_equal(found["orgs"], values.T > 3)


def test_a_big_endian_file(tmp_path: Path) -> None:
    body = struct.pack(">2I2I2I2i2I4sxxxxII2d", *(6, 8), *(6, 0), *(5, 8), *(1, 2), *(1, 4), b"dmos", 9, 16, 0.5, 3)
    data = b"MATLAB".ljust(124) + struct.pack(">HH", 0x0100, 0x4D49) + struct.pack(">II", 14, len(body)) + body
    (tmp_path / "big.mat").write_bytes(data)
    np.testing.assert_array_equal(read_arrays(tmp_path / "big.mat", NAMES)["dmos"], [[0.5, 3.0]])


def test_cells_in_cells_are_passed_over_or_refused(tmp_path: Path) -> None:
    inner = matrix(6, (1, 1), b"", element(9, struct.pack("<d", 1.0)))
    for _ in range(2000):
        inner = matrix(1, (1, 1), b"", inner)
    for name in (b"names", b"dmos"):
        path = mat_file(tmp_path / "deep.mat", compressed(matrix(1, (1, 1), name, inner)))
        if name == b"names":
            assert read_arrays(path, NAMES) == {}
            continue
        with pytest.raises(DataError, match="dmos is no array of real numbers"):
            read_arrays(path, NAMES)


def test_sizes_are_compared_with_limits_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = compressed(matrix(6, (1, 1 << 27), b"dmos", element(9, bytes(1 << 16))))
    with pytest.raises(DataError, match="dmos has 1 x 134217728 values"):
        read_arrays(mat_file(tmp_path / "huge.mat", huge), NAMES)
    many = matrix(6, (1, 1), b"x", element(9, bytes(8)))
    monkeypatch.setattr(mat, "MAX_ELEMENTS", 5)
    with pytest.raises(DataError, match="more than 5 elements"):
        read_arrays(mat_file(tmp_path / "many.mat", many * 6), NAMES)
    monkeypatch.undo()
    monkeypatch.setattr(mat, "MAX_VALUES", 10)
    four = compressed(matrix(9, (1, 4), b"dmos", element(2, bytes(4))))
    assert read_arrays(mat_file(tmp_path / "twice.mat", four * 2), NAMES)["dmos"].size == 4
    with pytest.raises(DataError, match=r"often\.mat: more than 10 values"):
        read_arrays(mat_file(tmp_path / "often.mat", four * 3), NAMES)
    cell = matrix(4, (1,) * 33, b"", element(16, b"x"))
    with pytest.raises(DataError, match="more than 32 dimensions"):
        read_texts(mat_file(tmp_path / "deep.mat", compressed(matrix(1, (1, 1), b"names", cell))), "names")


@pytest.mark.parametrize("data", [b"", b"no MATLAB file", bytes(200), b"MATLAB".ljust(124) + b"\0\2IM"])
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(data)
    with pytest.raises(DataError, match="no MATLAB file of version 5"):
        read_arrays(tmp_path / "x.mat", NAMES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_files_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    values = {"dmos": np.arange(20.0), "names": np.array(["x", "y"], object), "orgs": np.zeros(20)}
    packed = data.draw(st.booleans())
    mutated = bytearray(saved(tmp_path / "m.mat", packed, **values).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "m.mat").write_bytes(mutated[: data.draw(st.integers(0, len(mutated)))])
    with suppress(DataError):
        assert all(array.dtype == np.float64 for array in read_arrays(tmp_path / "m.mat", NAMES).values())
