"""Blocks of samples on disk: made in processes where they are missing, read back whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import Each, in_processes
from distortion_heads.errors import DataError


def block_files(folder: Path, stem: str, count: int, per_block: int) -> tuple[Path, ...]:
    """Return the files of the blocks that hold `count` samples, in their order."""
    return tuple(folder / f"{stem}-{index:05d}.safetensors" for index in range(-(-count // per_block)))


def make_missing(
    files: Sequence[Path], make: Callable[[int], None], per_block: int, workers: int, each: Each = in_processes
) -> Iterator[int]:
    """Call `make` with the place of each file that is not there; yields the number of samples done so far.

    `each` says where: `in_processes`, or on a cluster that sees the same files.
    """
    missing = [place for place, file in enumerate(files) if not file.exists()]
    done = (len(files) - len(missing)) * per_block
    yield done
    if not missing:
        return
    for _ in each(missing, make, workers):
        done += per_block
        yield done


def write_block(file: Path, tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None) -> None:
    """Write a block whole, and the folder it lies in. Raises `OSError`."""
    from safetensors.numpy import save

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, save(dict(tensors), metadata=metadata))


def read_blocks(files: Sequence[Path], arrays: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of all blocks, one after the other. Raises `DataError` if a block does not hold just these."""
    blocks = [_read(file, arrays) for file in files]
    return {name: np.concatenate([block[name] for block in blocks]) for name in arrays}


def _read(file: Path, arrays: Sequence[str]) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        block: dict[str, NDArray[Any]] = load_file(file)
    except SafetensorError:
        block = {}
    if set(block) != set(arrays):
        raise DataError(f"{file} is damaged: remove it, and run it again")
    return block
