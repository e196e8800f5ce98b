"""Pictures in files, Parquet and tars."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from helpers.command_line import write_picture

pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five pictures."""
    return [write_picture(tmp_path / "pictures" / f"{number}.png", number) for number in range(5)]


def write_table(path: Path, rows: list[dict[str, Any]], group: int = 2) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)
    return path


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path
