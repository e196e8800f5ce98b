"""Files that cannot be used, each with the reason: told, counted, and left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from distortion_heads.errors import DataError
from distortion_heads.io.image_hashes import is_video
from distortion_heads.io.inputs import LeftOut, expand_inputs

MOST_NAMES = 5


@dataclass(frozen=True)
class Unread:
    """A file that cannot be used, and why."""

    path: Path
    reason: str


def files_below(folder: Path, *, videos: bool, most: int) -> tuple[list[Path], list[Unread]]:
    """Return the pictures, and with `videos` the videos, below a folder by content and name, and what is no use there.

    Sorted by name; only `most` are looked at. A folder without a file that can be read is itself of no use.
    """
    other_types: list[LeftOut] = []
    found = list(islice(expand_inputs([str(folder)], videos=videos, left_out=other_types), most))
    unread = [Unread(Path(item.path), item.error) for item in found if item.error is not None]
    unread += [Unread(Path(item.path), f"cannot be read here: {item.content or 'its type'}") for item in other_types]
    return [Path(item.path) for item in found if item.error is None], unread


def left_out_text(unread: Sequence[Unread], total: int) -> str:
    """Return a line that counts and names files that were left out of `total`, the reason of the first included.

    Empty if there are none.
    """
    if not unread:
        return ""
    first, *others = unread
    names = ", ".join(str(item.path) for item in others[: MOST_NAMES - 1])
    more = f" and {len(unread) - MOST_NAMES} more" if len(unread) > MOST_NAMES else ""
    also = f"; also {names}{more}" if others else ""
    verb = "cannot be used and is" if len(unread) == 1 else "cannot be used and are"
    return f"{len(unread)} of {total} {_kind(unread, total)} {verb} left out: {first.path}: {first.reason}{also}"


def unreadable(unread: Sequence[Unread], total: int) -> DataError:
    """Return the error for files that cannot be used, where nothing goes on without them."""
    first = unread[0]
    which = "" if len(unread) == 1 else "the first is "
    kind = _kind(unread, total)
    return DataError(
        f"{len(unread)} of {total} {kind} cannot be used: {which}{first.path}: {first.reason}; mend or remove them"
    )


def _kind(unread: Sequence[Unread], total: int) -> str:
    noun = "file" if any(is_video(item.path) for item in unread) else "picture"
    return noun if total == 1 else f"{noun}s"
