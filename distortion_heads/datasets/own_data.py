"""A user's pictures and videos -> labelled ones: from a folder, a CSV, or clean pictures that are to be distorted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.labelled_image import FRAMES, ClipFrames, LabelledImage
from distortion_heads.datasets.published.files import is_file, is_folder
from distortion_heads.errors import DataError, DheadsError
from distortion_heads.io.image_hashes import is_video
from distortion_heads.io.inputs import IMAGE_SUFFIXES
from distortion_heads.io.text_tables import csv_rows, open_text
from distortion_heads.io.unread import Unread, files_below
from distortion_heads.io.video.options import Sampling
from distortion_heads.io.video.sampling import parse_time

MIN_PER_CLASS = 20
MIN_FILES = 4
"""Files with and without the distortion: a video is on one side of the split, and both sides need some of both."""

MAX_FILES = 20_000
"""Pictures and frames."""

MAX_TIME = 1e7
"""Seconds: four months."""

POSITIVE, CLEAN, NEGATIVE = "positive", "clean", "negative"


def read_data(
    source: Path, label: str, frames: int = FRAMES, unread: list[Unread] | None = None
) -> tuple[LabelledImage, ...]:
    """Read a folder or a CSV file; `frames` of each video. Raises `DataError`; for `unread` see `read_folder`."""
    if is_folder(source):
        return read_folder(source, label, frames, unread)
    if is_file(source):
        return read_csv(source, frames)
    raise DataError(f"{source}: no such folder or CSV file")


def read_folder(
    root: Path, label: str, frames: int = FRAMES, unread: list[Unread] | None = None
) -> tuple[LabelledImage, ...]:
    """Read the pictures and videos below `LABEL/` or `positive/`, and below `clean/` or `negative/`.

    Only those below `clean/` count as clean; `negative/` may hold other distortions. Folders that cannot be opened and
    pictures of types that cannot be read here are added to `unread`. Raises `DataError` if a side is missing, holds
    nothing or cannot be read, and above `MAX_FILES`.
    """
    if not is_folder(root):
        raise DataError(f"{root}: no such folder")
    sides = {True: [label, POSITIVE], False: [CLEAN, NEGATIVE]}
    if label in sides[False]:
        sides[True].remove(label)
    images: list[LabelledImage] = []
    for side, names in sides.items():
        folders = [root / name for name in dict.fromkeys(names) if is_folder(root / name)]
        if not folders:
            wanted = " or ".join(f"{name}/" for name in dict.fromkeys(names))
            raise DataError(
                f"{root} has no sub-folder {wanted}, for the pictures {'with' if side else 'without'} {label}"
            )
        images += [
            LabelledImage(path=path, label=side, clean=folder.name == CLEAN, clip=_whole(path, frames))
            for folder in folders
            for path in _files(folder, unread, videos=True)
        ]
    return _limited(images, root)


def read_csv(file: Path, frames: int = FRAMES) -> tuple[LabelledImage, ...]:
    """Read the rows `path,label[,group][,start,end]`; label 0 or 1, relative paths from the folder of `file`.

    `start` and `end` are times in a video, as `parse_time` reads them; where they are empty, its start and its end.
    Raises `DataError`, which names the line, for missing columns, labels other than 0 and 1, times that are none, and
    missing files.
    """
    try:
        with open_text(file) as stream:
            return _limited(list(islice(_rows(file, csv_rows(stream), frames), MAX_FILES + 1)), file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {reason(error).lower()}") from None
    except (UnicodeError, csv.Error) as error:
        raise DataError(
            f"{file}: no CSV file of UTF-8 or UTF-16 text ({error}); --data takes a folder or a CSV file"
        ) from None


def read_clean(folder: Path, unread: list[Unread] | None = None) -> tuple[LabelledImage, ...]:
    """Read the pictures below `folder`, taken for clean. Raises `DataError` if there are none or it cannot be read.

    For `unread` see `read_folder`.
    """
    if not is_folder(folder):
        raise DataError(f"{folder}: no such folder")
    images = [LabelledImage(path=path, label=False, clean=True) for path in _files(folder, unread, videos=False)]
    return _limited(images, folder)


def distinct(images: Sequence[LabelledImage], hashes: Mapping[Path, str]) -> tuple[LabelledImage, ...]:
    """Return the images without repeated contents; parts of one video, under whatever name, get the path of the first.

    Raises `DataError` if a content is both positive and negative.
    """
    seen: dict[str, list[LabelledImage]] = {}
    for image in images:
        same = seen.setdefault(hashes[image.path], [])
        for other in same:
            if other.contradicts(image):
                raise _contradiction(other, image)
        if not same or (image.clip is not None and all(other.clip != image.clip for other in same)):
            same.append(replace(image, path=same[0].path) if same else image)
    return tuple(image for same in seen.values() for image in same)


def check_expected(images: Sequence[LabelledImage], source: Path, left_out: str = "") -> None:
    """Make `check_counts` before any video is decoded, as if each gave all the frames that are asked for."""
    check_counts([image for image in images for _ in range(image.examples)], source, left_out)


def check_counts(images: Sequence[LabelledImage], source: Path, left_out: str = "") -> None:
    """Raise `DataError` unless there are `MIN_PER_CLASS` positives and negatives; a video is listed for each frame.

    Where there are videos, each class must have `MIN_FILES` files too. The error ends with what was `left_out`.
    """
    problem = _too_few(images)
    if problem is not None:
        raise DataError("; ".join(filter(None, (f"{source}: {problem}", left_out))))


def _too_few(images: Sequence[LabelledImage]) -> str | None:
    positive = sum(image.label for image in images)
    negative = len(images) - positive
    files, negative_files = (len({image.path for image in images if image.label is side}) for side in (True, False))
    videos = any(image.clip is not None for image in images)
    kind = "frames and pictures" if videos else "pictures"
    needed = f"at least {MIN_PER_CLASS} of each are needed"
    if positive == 0 or negative == 0:
        side = "negatives only" if positive == 0 else "positives only"
        return f"all {len(images)} different {kind} are of one class ({side}); {needed}"
    if videos and min(files, negative_files) < MIN_FILES:
        return (
            f"{files} different files with the distortion and {negative_files} without are too few, since a "
            f"video is either trained on or held out: give at least {MIN_FILES} of each, of different scenes"
        )
    if min(positive, negative) < MIN_PER_CLASS:
        more = ": give more, or raise --frames" if videos else ""
        counted = f"{positive} different positives and {negative} negatives"
        return f"{counted} are too few; {needed}{more}"
    return None


def _contradiction(first: LabelledImage, second: LabelledImage) -> DataError:
    if first.clip is None or second.clip is None:
        return DataError(f"{first.path} and {second.path} are the same picture, with and without the label")
    files = f"{first.path} and {second.path} are the same video" if first.path != second.path else f"{first.path}"
    return DataError(
        f"{files}: {first.clip.text} and {second.clip.text} overlap, one with and one without the label; "
        "give each part of a video one label"
    )


def _rows(file: Path, rows: Iterator[tuple[int, list[str]]], frames: int) -> Iterator[LabelledImage]:
    header = [name.strip().lower() for name in next(rows, (0, []))[1]]
    missing = [name for name in ("path", "label") if name not in header]
    if missing:
        raise DataError(
            f"{file}, line 1: no column {' and '.join(missing)}; the first line must be path,label[,group][,start,end]"
        )
    for line, cells in rows:
        if any(cell.strip() for cell in cells):
            where = f"{file}, line {line}"
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield _row(row, file.parent, where, frames)


def _row(row: Mapping[str, str], folder: Path, where: str, frames: int) -> LabelledImage:
    label = row.get("label", "")
    if label not in ("0", "1"):
        raise DataError(f"{where}: the label is {label!r}; write 1 (has the distortion) or 0")
    if not row.get("path"):
        raise DataError(f"{where}: no path")
    path = folder / row["path"]
    if not is_file(path):
        raise DataError(f"{where}: no such file: {row['path']}")
    return LabelledImage(
        path=path, label=label == "1", group=row.get("group") or None, clip=_clip(row, path, where, frames)
    )


def _clip(row: Mapping[str, str], path: Path, where: str, frames: int) -> ClipFrames | None:
    """Return what the row takes of a video; a file with a time is one, whatever it is called."""
    start, end = row.get("start", ""), row.get("end", "")
    if not (start or end):
        return _whole(path, frames)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise DataError(f"{where}: {row['path']} is a picture: leave start and end empty")
    try:
        sampling = Sampling(start=parse_time(start) if start else 0.0, end=parse_time(end) if end else None)
    except DheadsError as error:
        raise DataError(f"{where}: {str(error).replace('--', '')}") from None
    if max(sampling.start, sampling.end or 0.0) > MAX_TIME:
        raise DataError(f"{where}: no video is that long; times are seconds, or m:ss")
    return ClipFrames(frames=frames, start=sampling.start, end=sampling.end)


def _whole(path: Path, frames: int) -> ClipFrames | None:
    return ClipFrames(frames=frames) if is_video(path) else None


def _files(folder: Path, unread: list[Unread] | None, *, videos: bool) -> list[Path]:
    files, failed = files_below(folder, videos=videos, most=MAX_FILES + 1)
    if not files:
        raise DataError(f"{failed[0].path}: {failed[0].reason}")
    if unread is not None:
        unread += failed
    return files


def _limited(images: list[LabelledImage], source: Path) -> tuple[LabelledImage, ...]:
    if sum(image.examples for image in images) > MAX_FILES:
        if any(image.clip for image in images):
            raise DataError(f"{source}: more than {MAX_FILES} pictures and frames; give a sample, or fewer --frames")
        raise DataError(f"{source}: more than {MAX_FILES} pictures; give a sample of them")
    return tuple(images)
