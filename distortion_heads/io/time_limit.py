"""How long one file may take.

It is asked between frames, rows and steps of decoding, so that nothing is broken off in the middle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.small_files import SMALL_BYTES

TIMEOUT_VARIABLE = "DHEADS_FILE_TIMEOUT"
SMALL_FILE_SECONDS = 300.0
"""For files below 1 MiB, unless the variable names another number, which then holds for all files."""


class TimeLimit:
    """Counts the seconds from when it is made; `size` in bytes. Raises `DheadsError` for a limit that is none."""

    def __init__(self, size: int, environ: Mapping[str, str] = os.environ) -> None:
        chosen = environ.get(TIMEOUT_VARIABLE)
        self._which = "file" if chosen else "file below 1 MiB"
        self._seconds = _seconds(chosen) if chosen else SMALL_FILE_SECONDS if size < SMALL_BYTES else None
        self._begin = time.monotonic()

    @property
    def reason(self) -> str | None:
        """Return why no more of the file is read, or None."""
        if self._seconds is None or time.monotonic() - self._begin <= self._seconds:
            return None
        return f"took over {self._seconds:g} s, the limit for a {self._which}: set {TIMEOUT_VARIABLE} to more seconds"

    def check(self, error: type[DheadsError] = InputError) -> None:
        """Raise `error` if it took too long."""
        if (reason := self.reason) is not None:
            raise error(reason)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise DheadsError(f"{TIMEOUT_VARIABLE}={text!r}: give a number of seconds above 0, or inf")
    return seconds
