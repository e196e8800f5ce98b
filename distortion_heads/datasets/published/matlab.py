"""The arrays of a small MATLAB file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distortion_heads.datasets.published.files import MAX_TABLE_BYTES
from distortion_heads.errors import DataError


def read_matlab(file: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return those of the variables `names` that a MATLAB file of version 5 holds. Raises `DataError`."""
    from scipy.io import loadmat

    try:
        if file.stat().st_size > MAX_TABLE_BYTES:
            raise DataError(f"{file}: larger than {MAX_TABLE_BYTES >> 20} MiB")
        return dict(loadmat(str(file), variable_names=list(names)))
    except DataError:
        raise
    except Exception as error:  # SciPy raises anything on damaged bytes
        raise DataError(f"{file}: no MATLAB file of version 5 ({error})") from None


def vector(value: object, total: int, what: str) -> list[float]:
    """Return the numbers of an array. Raises `DataError` if they are not `total`, or not finite."""
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.size != total:
        raise DataError(f"{what}: expected {total} numbers, one for each picture in the folders")
    numbers = value.astype(np.float64).ravel()
    if not np.isfinite(numbers).all():
        raise DataError(f"{what}: holds values that are no finite numbers")
    return [float(number) for number in numbers]


def texts(value: object, what: str) -> list[str]:
    """Return the texts of a cell array. Raises `DataError` if it is none."""
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.kind != "O":
        raise DataError(f"{what}: expected a cell array of names")
    cells = [np.asarray(cell).ravel() for cell in value.ravel()]
    if any(cell.size != 1 or cell.dtype.kind != "U" for cell in cells):
        raise DataError(f"{what}: holds cells that are no names")
    return [str(cell[0]) for cell in cells]
