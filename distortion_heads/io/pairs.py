"""Two pictures, or two folders of them, to pairs of a reference and what became of it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.errors import InputError
from distortion_heads.io.inputs import expand_inputs


@dataclass(frozen=True)
class Pair:
    """Two files; `name` is the distorted one's below its folder; `error` says why it has no reference."""

    reference: str
    distorted: str
    name: str
    error: str | None = None


def find_pairs(reference: str, distorted: str) -> Iterator[Pair]:
    """Yield the pairs in two files or two folders; of a file and a folder, the file with each picture in it.

    In folders a picture is paired with that of the same path below the other one, or else the only one whose path is
    the same but for its suffix. Raises `InputError` for what does not exist or holds no picture, and for a folder of
    references with one distorted file.
    """
    several = Path(distorted).is_dir()
    found = list(_pictures(distorted))
    if not Path(reference).is_dir():
        (single,) = _pictures(reference)
        yield from (Pair(single, path, _name(path, distorted)) for path in found)
        return
    if not several:
        raise InputError(f"{reference} is a folder and {distorted} a file: give two files or two folders")
    exact = {_name(path, reference): path for path in _pictures(reference)}
    stems = defaultdict(list)
    for name, path in exact.items():
        stems[_stem(name)].append(path)
    for path in found:
        name = _name(path, distorted)
        same = [exact[name]] if name in exact else stems.get(_stem(name), [])
        if len(same) == 1:
            yield Pair(same[0], path, name)
        else:
            which = "several pictures are" if same else "no picture is"
            yield Pair("", path, name, f"{which} called {_stem(name)} in {reference}")


def _pictures(path: str) -> Iterator[str]:
    for item in expand_inputs([path]):
        if item.error is not None:
            raise InputError(f"{item.path}: {item.error}")
        yield item.path


def _name(path: str, top: str) -> str:
    return os.path.basename(path) if path == top else os.path.relpath(path, top)  # noqa: PTH119


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - of a relative path as text
