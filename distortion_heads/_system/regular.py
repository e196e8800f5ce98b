"""Open files that are files: a pipe could block and a device never end."""

from __future__ import annotations

import os
import stat
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO


def open_regular(file: Path | Traversable) -> IO[bytes]:
    """Open a regular file to read its bytes. Raises `OSError`, for a folder, a pipe and a device too."""
    if isinstance(file, Path):
        mode = os.stat(file).st_mode  # noqa: PTH116 - once
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a folder fails by itself
            raise OSError("not a regular file")
    return file.open("rb")
