"""Make the items of one picture: decode once, distort, encode, write whole files only. Runs in any process."""

from __future__ import annotations

import errno
import json
import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from distortion_heads.errors import DataError, InputError
from distortion_heads.images import load_image
from distortion_heads.png import stored_png
from distortion_heads.spec import HeadSpec
from distortion_heads.synth_plan import Item, Plan
from distortion_heads.synth_sources import Source
from distortion_heads.synthesis import distort, to_float, to_uint8

if TYPE_CHECKING:
    from distortion_heads.spec import Encoder, FloatImage

Format: TypeAlias = Literal["png", "webp"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where and how pictures are written. `keep_codec`: what a codec distorts last is kept as the codec's own file."""

    folder: Path
    format: Format = "png"
    keep_codec: bool = False

    @property
    def partial(self) -> Path:
        """The folder of half-written files, one a process; it is gone when no run is under way."""
        return self.folder / ".partial"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items number `start` up to `stop` of one picture."""

    source: Source
    start: int
    stop: int
    max_pixels: int


class Row(NamedTuple):
    """One line of the manifest; the fields are its columns."""

    file: str
    source: str
    labels: str
    severities: str
    parameters: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a task: `rows` of the pictures that exist now, how many of them were `made` by this run, how many
    items were `planned`, and one line for each problem."""

    rows: tuple[Row, ...]
    made: int
    planned: int
    problems: tuple[str, ...] = ()


class _SpoiltError(Exception):
    """This item cannot be made; the others can."""


def make(task: Task, plan: Plan, target: Target) -> Outcome:
    """Make the items that are not there yet. Raises `DataError` if the output folder cannot be written."""
    rows: list[Row] = []
    problems: list[str] = []
    made = 0
    picture = _Picture(task)
    for item in plan.items(task.source.name, task.start, task.stop):
        row = _finished(task.source, item, target)
        if row is None:
            try:
                row = _make(picture.pixels(), task.source, item, target)
            except InputError as error:
                problems.append(f"{task.source.path}: {error}")
                continue
            except _SpoiltError as error:
                problems.append(f"{task.source.path}: {item.name}: {error}")
                continue
            made += 1
        rows.append(row)
    planned = min(task.stop, plan.size) - task.start
    return Outcome(rows=tuple(rows), made=made, planned=planned, problems=tuple(dict.fromkeys(problems)))


class _Picture:
    """A picture that is decoded once, and only if it is wanted."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._result: FloatImage | InputError | None = None

    def pixels(self) -> FloatImage:
        if self._result is None:
            try:
                self._result = to_float(load_image(self._task.source.path, max_pixels=self._task.max_pixels))
                self._result.flags.writeable = False
            except InputError as error:
                self._result = error
        if isinstance(self._result, InputError):
            raise self._result
        return self._result


def _make(image: FloatImage, source: Source, item: Item, target: Target) -> Row:
    try:
        data, suffix = render(image, item, target)
    except Exception as error:  # a plugin's fault spoils one picture, not the run
        text = " ".join(str(error).split())
        raise _SpoiltError(text if isinstance(error, DataError) else f"{type(error).__name__}: {text}") from error
    path = _path(source, item, target, suffix)
    _write(path, data, target)
    return _row(source, item, target, path, image.shape[1], image.shape[0])


def render(image: FloatImage, item: Item, target: Target) -> tuple[bytes, str]:
    """Distort a float32 HWC RGB image in [0, 1]; return the bytes and the suffix of the file.

    A codec's own file decodes to the picture that would be written without `keep_codec`. Raises what plugins raise.
    """
    rng = np.random.default_rng(item.seed)
    encode = _own_encoder(item, target)
    if encode is None:
        image = distort(image, item.steps, rng)
        return (stored_png(image) if target.format == "png" else _webp(image)), f".{target.format}"
    image = distort(image, item.steps[:-1], rng)
    (child,) = rng.spawn(1)  # the one that `distort` would have handed to the last step
    data, suffix = encode(image, item.steps[-1].severity, child)
    return data, suffix


def _webp(image: FloatImage) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(to_uint8(image)).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def _own_encoder(item: Item, target: Target) -> Encoder | None:
    return item.steps[-1].spec.encode if target.keep_codec else None


@lru_cache(maxsize=256)
def _codec_suffix(encode: Encoder) -> str:
    """The suffix of a codec's files, which it tells only with a file."""
    return encode(np.full((32, 32, 3), 0.5, np.float32), 1.0, np.random.default_rng(0))[1]


def _finished(source: Source, item: Item, target: Target) -> Row | None:
    """The row of an item that an earlier run has made; None if it has not, or if a power cut left nothing in it."""
    from PIL import Image

    try:
        encode = _own_encoder(item, target)
        path = _path(source, item, target, f".{target.format}" if encode is None else _codec_suffix(encode))
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:  # a large picture is no attack here
            return _row(source, item, target, path, *picture.size)
    except Exception:  # whatever is wrong with it, the item is made again, and tells there if it cannot be
        return None


def _path(source: Source, item: Item, target: Target, suffix: str) -> Path:
    return target.folder / f"{source.name}.{item.name}{suffix}"


def _row(source: Source, item: Item, target: Target, path: Path, width: int, height: int) -> Row:
    return Row(
        file=path.relative_to(target.folder).as_posix(),
        source=source.path,
        labels="+".join(step.spec.label for step in item.steps),
        severities="+".join(f"{step.severity:g}" for step in item.steps),
        parameters=json.dumps({step.spec.label: _parameters(step.spec, step.severity) for step in item.steps}),
        seed=item.seed,
        width=width,
        height=height,
    )


def _parameters(spec: HeadSpec, severity: float) -> dict[str, float]:
    values = spec.parameters(severity) if spec.parameters is not None else {}
    return {name: float(f"{value:.6g}") for name, value in values.items()}


def _write(path: Path, data: bytes, target: Target) -> None:
    """Write a file that is whole whenever it has its name. It is not synced: a million syncs would take days."""
    temporary = target.partial / str(os.getpid())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _SpoiltError(f"the name of its file would be too long: {path.name}") from None
        raise DataError(f"{path.parent} cannot be written: {error.strerror or error}") from None
