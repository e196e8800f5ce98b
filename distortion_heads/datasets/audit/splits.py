"""Files that say which picture is in which part of a split -> the parts of a dataset's records.

CSV with the columns `path,part`; JSON, an object of lists or one list; a text file with a name a line; .npy and .npz
arrays of text; pickled Python lists (the way of the code of Ameur et al. 2022), read without running them. A file that
is one list is one part, called like the file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from distortion_heads.datasets.audit.plain_pickle import read_plain_pickle
from distortion_heads.datasets.audit.text_arrays import read_text_arrays
from distortion_heads.datasets.published.files import MAX_RECORDS, table, text_lines, unreadable
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

MAX_BYTES = 64 << 20
MAX_PARTS = 100
MAX_CELLS = 100
"""Most cells of a row that begins with a name."""

PICKLES = frozenset((".pkl", ".pickle", ".p", ".dat", ".data", ".list"))

Names = dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class DeclaredSplit:
    """`parts`: by name, its records. `missing`: names that are of no record; `ambiguous`: of several."""

    parts: Mapping[str, tuple[Record, ...]]
    missing: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()


def read_split(files: Sequence[Path], corpus: Corpus) -> DeclaredSplit:
    """Read the parts in all files. Raises `DataError` if one cannot be read, or if there are fewer than two parts."""
    names: Names = {}
    for file in files:
        for part, listed in read_names(file).items():
            names.setdefault(part, []).extend(listed)
    if len(names) < 2:
        raise DataError(
            f"{', '.join(map(str, files))}: only one part ({', '.join(names)}); give the files of all parts, each with "
            "--split, or a CSV with path,part"
        )
    if len(names) > MAX_PARTS:
        raise DataError(f"{len(names)} parts are no split: at most {MAX_PARTS}")
    return assign(names, corpus)


def read_names(file: Path) -> Names:
    """Return file names by part, as the file lists them. Raises `DataError`."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        return _from_csv(file)
    if suffix in (".txt", ".lst"):
        return _checked({file.stem: [text for _, text in text_lines(file)]}, file)
    data = _bytes(file)
    if suffix == ".json":
        return _checked(_parts(_json(data, file), file.stem), file)
    if suffix in (".npy", ".npz"):
        return _checked(_arrays(data, file), file)
    if suffix in PICKLES or data[:1] == b"\x80" or data[-1:] == b".":
        try:
            return _checked(_parts(read_plain_pickle(data), file.stem), file)
        except DataError as error:
            raise DataError(f"{file}: {error}") from None
    raise DataError(f"{file}: no split file that is known: give .csv, .json, .txt, .npy, .npz or .pkl")


def assign(names: Names, corpus: Corpus) -> DeclaredSplit:
    """Return the records that `names` mean: among those called alike the one whose folders agree most, from the end.

    Files of the dataset that the loader leaves out are in no part, and not missing.
    """
    index = _Index(corpus)
    left_out = {name.lower() for path in corpus.left_out for name in (path.name, path.stem)}
    parts: dict[str, tuple[Record, ...]] = {}
    missing: list[str] = []
    ambiguous: list[str] = []
    for part, listed in names.items():
        records: dict[Path, Record] = {}
        for name in listed:
            found = index.find(name)
            if len(found) == 1:
                records[found[0].path] = found[0]
            elif found:
                ambiguous.append(name)
            elif not left_out.intersection(_components(name)[-1:]):
                missing.append(name)
        parts[part] = tuple(records.values())
    return DeclaredSplit(parts=parts, missing=tuple(missing), ambiguous=tuple(ambiguous))


class _Index:
    """Records by file name and by stem, in lower case."""

    def __init__(self, corpus: Corpus) -> None:
        self._by_name: dict[str, list[Record]] = defaultdict(list)
        for record in corpus.records:
            name = record.path.name.lower()
            for key in {name, PurePosixPath(name).stem}:
                self._by_name[key].append(record)

    def find(self, name: str) -> list[Record]:
        """Return the records whose folders agree most with those of `name`."""
        parts = _components(name)
        found = self._by_name.get(parts[-1], []) if parts else []
        agreement = [_agreement(record.path, parts) for record in found]
        return [record for record, count in zip(found, agreement, strict=True) if count == max(agreement)]


def _components(name: str) -> list[str]:
    """Return folders and file name in lower case, of a path of any system."""
    return [part for part in name.lower().replace("\\", "/").split("/") if part not in ("", ".")]


def _agreement(path: Path, parts: Sequence[str]) -> int:
    """Return how many folders agree, from the last one on."""
    count = 0
    for mine, other in zip(reversed(path.parent.parts), reversed(parts[:-1]), strict=False):
        if mine.lower() != other:
            break
        count += 1
    return count


def _from_csv(file: Path) -> Names:
    names: Names = {}
    for where, row in table(file, "path", "part"):
        if not row["path"] or not row["part"]:
            raise DataError(f"{where}: the path or the part is missing")
        names.setdefault(row["part"], []).append(row["path"])
    return _checked(names, file)


def _json(data: bytes, file: Path) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: no JSON ({str(error)[:120]})") from None


def _arrays(data: bytes, file: Path) -> Names:
    """Return one array as one part, those of .npz as one each; objects in arrays are refused."""
    try:
        arrays = read_text_arrays(data, file.stem, max_parts=MAX_PARTS, max_bytes=MAX_BYTES, max_records=MAX_RECORDS)
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    names: Names = {}
    for part, array in arrays.items():
        listed = array.ravel().tolist()
        names[part] = [name.decode("utf-8", "replace") for name in listed] if array.dtype.kind == "S" else listed
    return names


def _parts(value: object, stem: str) -> Names:
    """Return a list of names (or of rows that start with one) as one part, a dict or list of such lists as one each."""
    if isinstance(value, dict):
        if len(value) > MAX_PARTS:
            raise DataError(f"{len(value)} parts are no split: at most {MAX_PARTS}")
        _check_total(value.values())
        named = {_part(key): _names(item) for key, item in value.items()}
    else:
        names = _names(value)
        if names is not None:
            return {stem: names}
        if not isinstance(value, list | tuple):
            raise DataError("no list of file names")
        _check_total(value[: MAX_PARTS + 1])
        named = {f"{stem}[{index}]": _names(item) for index, item in enumerate(value[: MAX_PARTS + 1])}
    parts = {part: names for part, names in named.items() if names is not None}
    if len(parts) < len(named) or not parts:
        raise DataError("expected a list of file names, or lists of them by part")
    return parts


def _part(key: object) -> str:
    try:
        return str(key)
    except ValueError:  # Python writes no number of thousands of digits
        raise DataError("a part is called by a number of thousands of digits") from None


def _check_total(parts: Iterable[object]) -> None:
    """Count before anything is copied: in a pickle many parts may be one and the same list."""
    if sum(len(part) for part in parts if isinstance(part, list | tuple)) > MAX_RECORDS:
        raise DataError(f"lists more than {MAX_RECORDS} pictures")


def _names(value: object) -> list[str] | None:
    """Return the names in a list of names or rows; None if it is something else."""
    if not isinstance(value, list | tuple) or not value:
        return None
    if len(value) > MAX_RECORDS:
        raise DataError(f"lists more than {MAX_RECORDS} pictures")
    names = [_name(item) for item in value]
    found = [name for name in names if name is not None]
    return found if len(found) == len(names) else None


def _name(item: object) -> str | None:
    """Return a name itself, or the first cell of a row whose other cells are no names."""
    if isinstance(item, str):
        return item
    if isinstance(item, list | tuple) and 0 < len(item) <= MAX_CELLS and isinstance(item[0], str):
        return None if any(isinstance(cell, str) for cell in item[1:]) or len(item) == 1 else item[0]
    return None


def _checked(names: Names, file: Path) -> Names:
    total = sum(len(listed) for listed in names.values())
    if total == 0:
        raise DataError(f"{file}: lists no picture")
    if total > MAX_RECORDS:
        raise DataError(f"{file}: lists more than {MAX_RECORDS} pictures")
    return names


def _bytes(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise DataError(f"{file}: no such file")
        if file.stat().st_size > MAX_BYTES:
            raise DataError(f"{file}: larger than {MAX_BYTES >> 20} MiB")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from None
