"""Arrays of text in .npy and .npz files, whose headers are compared with limits before anything is unpacked."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import DataError
from distortion_heads.io.time_limit import TimeLimit

MAX_HEADER = 1024
"""Characters that say type and shape; the longest of an array of text has some hundred."""


def read_text_arrays(
    data: bytes, name: str, *, max_parts: int, max_bytes: int, max_records: int
) -> dict[str, NDArray[Any]]:
    """Return the arrays of texts (dtype U or S) by name; that of an .npy file is called `name`.

    Raises `DataError` for anything else, for more than `max_parts` arrays, and if all together have more than
    `max_bytes` or `max_records` texts.
    """
    arrays: dict[str, NDArray[Any]] = {}
    size = records = 0
    time = TimeLimit(len(data))
    try:
        for count, (part, stream) in enumerate(_parts(data, name)):
            with stream:
                if count >= max_parts:
                    raise DataError(f"it has more than {max_parts} arrays")
                time.check(DataError)
                dtype, shape = _header(stream)
                if dtype.kind not in "US":
                    raise DataError(f"{part} is an array of {dtype}, not of text")
                size, records = size + dtype.itemsize * math.prod(shape), records + math.prod(shape)
                if size > max_bytes or records > max_records:
                    raise DataError(f"its arrays have more than {max_records} texts or {max_bytes >> 20} MiB")
                arrays[part] = np.frombuffer(_read(stream, dtype.itemsize * math.prod(shape)), dtype).reshape(shape)
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise anything on damaged bytes
        raise DataError(
            f"no array of text that can be read without pickle ({' '.join(str(error).split())[:120]})"
        ) from None
    return arrays


def _parts(data: bytes, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    if not data.startswith(b"PK"):
        yield name, io.BytesIO(data)
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for part in archive.namelist():
            yield part.removesuffix(".npy"), archive.open(part)


def _header(stream: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return dtype and shape. Raises `ValueError`."""
    major, _ = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    with catch_warnings(action="ignore"):  # that Python 2 wrote it
        shape, _, dtype = read(stream, max_header_size=MAX_HEADER)
    if dtype.hasobject:
        raise ValueError("it holds objects")
    return dtype, shape


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("it ends too early")
    return data
