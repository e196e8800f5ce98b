"""One writer per folder: a second one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError


@contextmanager
def only_writer(folder: Path, command: str, option: str = "--out") -> Iterator[None]:
    """Make `folder` if need be, and hold it for this process; the error for a second one names `command` and `option`.

    The lock is the operating system's, so it ends with the process however that ends. A new folder that stays empty is
    removed. Raises `DataError` if another process holds the folder or it cannot be written.
    """
    from filelock import FileLock, Timeout

    file = folder / ".lock"
    lock, made = FileLock(file, timeout=0), not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise DataError(f"another {command} is writing to {folder}: wait for it, or choose another {option}") from None
    except (OSError, NotImplementedError) as error:
        raise DataError(f"{folder} cannot be written: {reason(error)}; choose another {option}") from None
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            if made and set(folder.iterdir()) <= {file}:
                file.unlink(missing_ok=True)
                folder.rmdir()
