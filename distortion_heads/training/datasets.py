"""A user's pictures -> labelled images: a folder, a CSV, or clean pictures that are distorted here."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.errors import DataError
from distortion_heads.inputs import expand_inputs
from distortion_heads.registry import RegisteredHead
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, View
from distortion_heads.synthesis import Step, distort, to_float, to_uint8

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_PER_CLASS = 20
MAX_FILES = 20_000
POSITIVE, CLEAN, NEGATIVE = "positive", "clean", "negative"

CROP = 1024
"""Longest side in pixels of what is cut from a clean picture for the native view: bounds the time of a camera's."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Makes a picture from a clean one: a crop, then `step` unless that is None; all chance comes from `seed`.

    `version` names the code of the generator, so that features of an older one are not taken for its own.
    """

    step: Step | None
    seed: int
    version: str = ""

    @property
    def key(self) -> str:
        """What decides the result, besides the content of the clean picture and the view."""
        step = f"{self.step.spec.label} {self.step.severity!r}" if self.step else "none"
        return f"{step} {self.seed} {CROP} {self.version}"

    def apply(self, pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) -> the same, smaller if cropped. Raises `DataError`, or whatever the generator raises."""
        if view == "native":
            pixels = _crop(pixels, np.random.default_rng([self.seed, 0]))
        if self.step is None:
            return pixels
        return to_uint8(distort(to_float(pixels), [self.step], np.random.default_rng([self.seed, 1])))


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """One example: the file `path` or, with a `recipe`, what that makes of it.

    `group`: scene, as the user gave it. `severity` in [1, 5], or None where it is unknown or nothing is there.
    `clean`: known to have no distortion at all.
    """

    path: Path
    label: bool
    group: str | None = None
    severity: float | None = None
    clean: bool = False
    recipe: Recipe | None = None


def read_data(source: Path, label: str) -> tuple[LabelledImage, ...]:
    """Read a folder or a CSV file. Raises `DataError`."""
    if _is(source, folder=True):
        return read_folder(source, label)
    if _is(source, folder=False):
        return read_csv(source)
    raise DataError(f"{source}: no such folder or CSV file")


def read_folder(root: Path, label: str) -> tuple[LabelledImage, ...]:
    """The pictures below `LABEL/` or `positive/`, and below `clean/` or `negative/`.

    Only those below `clean/` count as clean; `negative/` may hold other distortions. Raises `DataError` if a side is
    missing, holds no picture or cannot be read, and above `MAX_FILES`.
    """
    if not _is(root, folder=True):
        raise DataError(f"{root}: no such folder")
    sides = {True: [label, POSITIVE], False: [CLEAN, NEGATIVE]}
    if label in sides[False]:
        sides[True].remove(label)
    images: list[LabelledImage] = []
    for side, names in sides.items():
        folders = [root / name for name in dict.fromkeys(names) if _is(root / name, folder=True)]
        if not folders:
            wanted = " or ".join(f"{name}/" for name in dict.fromkeys(names))
            raise DataError(
                f"{root} has no sub-folder {wanted}, for the pictures {'with' if side else 'without'} {label}"
            )
        images += [
            LabelledImage(path=path, label=side, clean=folder.name == CLEAN)
            for folder in folders
            for path in _pictures(folder)
        ]
    return _limited(images, root)


def read_csv(file: Path) -> tuple[LabelledImage, ...]:
    """The rows `path,label[,group]`; label 0 or 1, relative paths from the folder of `file`; UTF-8.

    Raises `DataError`, which names the line, for missing columns, labels other than 0 and 1, and missing files.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return _limited(list(islice(_rows(file, csv.reader(stream)), MAX_FILES + 1)), file)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"{file}: no CSV file of UTF-8 text ({error}); --data takes a folder or a CSV file") from None


def read_clean(folder: Path) -> tuple[LabelledImage, ...]:
    """The pictures below `folder`, taken for clean. Raises `DataError` if there are none or it cannot be read."""
    if not _is(folder, folder=True):
        raise DataError(f"{folder}: no such folder")
    return _limited([LabelledImage(path=path, label=False, clean=True) for path in _pictures(folder)], folder)


def with_distorted(
    clean: Sequence[LabelledImage],
    hashes: Mapping[Path, str],
    target: RegisteredHead,
    others: Sequence[RegisteredHead],
    seed: int,
) -> tuple[LabelledImage, ...]:
    """Each clean picture, the same with `target` at a random severity and, for about half, with one of `others`.

    The last is a negative, so that the head learns to tell its distortion from all else. The draws depend on the seed
    and the content of the picture alone: a picture added later changes none of the others.
    """
    versions = _versions((target, *others))
    images: list[LabelledImage] = []
    for image in clean:
        digest = hashlib.sha256(f"{seed} {target.spec.label} {hashes[image.path]}".encode()).digest()
        own_seed = int.from_bytes(digest[:8])
        rng = np.random.default_rng([own_seed, 2])
        severity, other_severity = (float(s) for s in rng.uniform(MIN_SEVERITY, MAX_SEVERITY, 2))
        images.append(LabelledImage(path=image.path, label=False, clean=True, recipe=Recipe(step=None, seed=own_seed)))
        step, version = Step(spec=target.spec, severity=severity), versions[target.spec.label]
        recipe = Recipe(step=step, seed=own_seed, version=version)
        images.append(LabelledImage(path=image.path, label=True, severity=severity, recipe=recipe))
        if others and rng.random() < 0.5:
            other = others[int(rng.integers(len(others)))].spec
            step = Step(spec=other, severity=other_severity)
            recipe = Recipe(step=step, seed=own_seed, version=versions[other.label])
            images.append(LabelledImage(path=image.path, label=False, recipe=recipe))
    return tuple(images)


def content_hashes(paths: Sequence[Path]) -> dict[Path, str]:
    """SHA-256 (hex) of each file. Raises `DataError` if any cannot be read."""
    with ThreadPoolExecutor() as pool:
        results = dict(zip(paths, pool.map(_sha256, paths), strict=True))
    failed = [(path, str(result)) for path, result in results.items() if isinstance(result, OSError)]
    if failed:
        raise unreadable(failed, len(results))
    return {path: result for path, result in results.items() if isinstance(result, str)}


def unreadable(failed: Sequence[tuple[Path, str]], total: int) -> DataError:
    """The error for files that cannot be used; `failed` holds path and reason."""
    path, reason = failed[0]
    first = "" if len(failed) == 1 else "the first is "
    return DataError(f"{len(failed)} of {total} pictures cannot be used: {first}{path}: {reason}; mend or remove them")


def distinct(images: Sequence[LabelledImage], hashes: Mapping[Path, str]) -> tuple[LabelledImage, ...]:
    """The images without repeated contents. Raises `DataError` if a content is both positive and negative."""
    seen: dict[str, LabelledImage] = {}
    for image in images:
        first = seen.setdefault(hashes[image.path], image)
        if first.label != image.label:
            raise DataError(f"{first.path} and {image.path} are the same picture, with and without the label")
    return tuple(seen.values())


def check_counts(images: Sequence[LabelledImage], source: Path) -> None:
    """Raise `DataError` unless there are at least `MIN_PER_CLASS` positives and negatives."""
    positive = sum(image.label for image in images)
    negative = len(images) - positive
    if min(positive, negative) >= MIN_PER_CLASS:
        return
    needed = f"at least {MIN_PER_CLASS} of each are needed"
    if positive == 0 or negative == 0:
        kind = "negatives only" if positive == 0 else "positives only"
        raise DataError(f"{source}: all {len(images)} different pictures are of one class ({kind}); {needed}")
    raise DataError(f"{source}: {positive} different positives and {negative} negatives are too few; {needed}")


def _rows(file: Path, reader: Iterator[list[str]]) -> Iterator[LabelledImage]:
    header = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in ("path", "label") if name not in header]
    if missing:
        raise DataError(f"{file}, line 1: no column {' and '.join(missing)}; the first line must be path,label[,group]")
    for cells in reader:
        if any(cell.strip() for cell in cells):
            where = f"{file}, line {reader.line_num}"  # type: ignore[attr-defined]
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield _row(row, file.parent, where)


def _row(row: Mapping[str, str], folder: Path, where: str) -> LabelledImage:
    label = row.get("label", "")
    if label not in ("0", "1"):
        raise DataError(f"{where}: the label is {label!r}; write 1 (has the distortion) or 0")
    if not row.get("path"):
        raise DataError(f"{where}: no path")
    path = folder / row["path"]
    if not _is(path, folder=False):
        raise DataError(f"{where}: no such file: {row['path']}")
    return LabelledImage(path=path, label=label == "1", group=row.get("group") or None)


def _pictures(folder: Path) -> list[Path]:
    found = list(islice(expand_inputs([str(folder)]), MAX_FILES + 1))
    for item in found:
        if item.error is not None:
            raise DataError(f"{item.path}: {item.error}")
    return [Path(item.path) for item in found]


def _limited(images: list[LabelledImage], source: Path) -> tuple[LabelledImage, ...]:
    if len(images) > MAX_FILES:
        raise DataError(f"{source}: more than {MAX_FILES} pictures; give a sample of them")
    return tuple(images)


def _is(path: Path, *, folder: bool) -> bool:
    try:
        return path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):  # not allowed to look, or no valid path
        return False


def _sha256(path: Path) -> str | OSError:
    try:
        if not path.is_file():  # a pipe would block
            return OSError("is no regular file")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return OSError(f"cannot be read: {(error.strerror or str(error)).lower()}")


def _crop(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    top, left = (int(rng.integers(max(side - CROP, 0) + 1)) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + CROP, left : left + CROP])


def _versions(heads: Sequence[RegisteredHead]) -> dict[str, str]:
    """By label, a digest of the code of each generator, for its author edits that between two runs."""
    files = {head.spec.label: _code_file(head.spec.synthesize) for head in heads}
    digests = {file: _code_digest(file) for file in set(files.values()) if file is not None}
    return {label: digests[file] if file is not None else "" for label, file in files.items()}


def _code_file(generator: object) -> Path | None:
    """The `__init__.py` of the package that the generator is of, or its module if that is in none."""
    while isinstance(generator, partial):
        generator = generator.func
    name = getattr(generator, "__module__", None) or ""
    modules = (sys.modules.get(part) for part in (name.partition(".")[0], name))
    file = next(filter(None, (getattr(module, "__file__", None) for module in modules)), None)
    return None if file is None else Path(file)


def _code_digest(file: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]:
        with suppress(OSError):  # it may be in a zip file
            digest.update(source.read_bytes())
    return digest.hexdigest()
