"""The pages, frames and pictures that one file holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

from distortion_heads.io.rgb import Loaded

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

PAGED = frozenset({"AVIF", "DCX", "FLI", "GIF", "HEIF", "IM", "MPO", "PNG", "TIFF", "WEBP"})
"""Formats of which `n_frames` counts pictures: those of Photoshop are layers, those of icons sizes."""

MOST_PAGES = 10_000
MOST_ENTRIES = 1_000_000
"""Entries in all directories of a TIFF file of which further pages are read: they may lie over each other."""

_NEW_SUBFILE_TYPE, _REDUCED = 254, 1
_MP_ENTRIES = 0xB002


@dataclass(frozen=True, eq=False)
class Page:
    """A page that was read already, for `load_image`; `name` is `FILE#NUMBER`, counted from 1."""

    name: str
    loaded: Loaded | Exception

    def __fspath__(self) -> str:
        return self.name

    @property
    def result(self) -> Loaded:
        """The picture. Raises what was raised as it was read."""
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def pages_of(image: ImageFile) -> Sequence[int]:
    """Return where `image.seek` finds each page, `MOST_PAGES` at most; smaller copies of a page are none.

    The image stands at its first page afterwards. Raises whatever Pillow raises on damaged bytes.
    """
    if image.format not in PAGED:
        return (0,)
    if image.format == "TIFF":
        if image.fp is not None and entries_of_tiff(image.fp) > MOST_ENTRIES:
            return (0,)
        pages = [0, *_further_tiff_pages(image)]
        image.seek(0)
        return pages
    first = image.tell()
    rest = range(min(getattr(image, "n_frames", 1), MOST_PAGES))
    return [first, *(place for place in rest if place != first and not _is_preview(image, place))]


def entries_of_tiff(stream: IO[bytes]) -> int:
    """Return how many entries the directories of a TIFF file have, by their counts and links alone."""

    def number(size: int) -> int:
        return int.from_bytes(stream.read(size), order)

    stream.seek(0)
    order: Literal["little", "big"] = "little" if stream.read(2) == b"II" else "big"
    big = number(2) == 43
    count_size, entry, link = (8, 20, 8) if big else (2, 12, 4)
    stream.seek(8 if big else 4)
    place, total = number(link), 0
    for _ in range(MOST_PAGES):
        if place == 0 or total > MOST_ENTRIES:
            break
        stream.seek(place)
        count = number(count_size)
        total += count
        if total <= MOST_ENTRIES:
            stream.seek(place + count_size + count * entry)
            place = number(link)
    return total


def _further_tiff_pages(image: ImageFile) -> Iterator[int]:
    for place in range(1, MOST_PAGES):
        try:
            image.seek(place)
        except EOFError:
            return
        tags: Any = getattr(image, "tag_v2", {})
        if not int(tags.get(_NEW_SUBFILE_TYPE, 0)) & _REDUCED:
            yield place


def _is_preview(image: ImageFile, place: int) -> bool:
    """Return whether a picture of an MPO file is a smaller copy, as cameras add it to their JPEG files."""
    entries = (getattr(image, "mpinfo", None) or {}).get(_MP_ENTRIES, ())
    return place < len(entries) and "Thumbnail" in str(entries[place].get("Attribute", {}).get("MPType", ""))
