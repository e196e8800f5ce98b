"""The items of pictures and clips, made in any process: decode, distort, encode, write whole files only."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

import numpy as np

from distortion_heads._system.atomic import replacing
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError, DheadsError, InputError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image
from distortion_heads.io.png import png
from distortion_heads.io.video.options import DEFAULT_MAX_PIXELS as DEFAULT_MAX_FRAME_PIXELS
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.synthesis.clips import CleanClip, ClipTarget, size_of, write_clip
from distortion_heads.synthesis.distort import distort
from distortion_heads.synthesis.manifest import Row, row_of
from distortion_heads.synthesis.plan import Item, SpoiltError, SynthPlan
from distortion_heads.synthesis.scores import kept_scores
from distortion_heads.synthesis.sources import Source

if TYPE_CHECKING:
    from distortion_heads.spec import Encoder, FloatImage

Format: TypeAlias = Literal["png", "webp"]

_ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".jp2": b"\xff\xd9"}
"""The last bytes of files: the chunk IEND with its checksum, and the marker EOI or EOC."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where and how pictures and clips are written.

    `compress` is 0 (fastest) to 9 (smallest); with `keep_codec` a picture that a codec distorts last is kept as the
    codec's own file. `scores` names full-reference metrics that compare each picture with its original.
    """

    folder: Path
    format: Format = "png"
    compress: int = 0
    keep_codec: bool = False
    scores: tuple[str, ...] = ()
    clips: ClipTarget = ClipTarget()  # noqa: RUF009 - frozen

    @property
    def partial(self) -> Path:
        """Return the folder of half-written files, one a process; it is gone when no run is under way."""
        return self.folder / ".partial"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items number `start` up to `stop` of one picture or clip; `max_pixels` None: the usual limit of each."""

    source: Source
    start: int
    stop: int
    max_pixels: int | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a task: rows of the files that exist now, how many items were `made` now, how many `planned`, and
    a line for each problem."""

    rows: tuple[Row, ...]
    made: int
    planned: int
    problems: tuple[str, ...] = ()


class Maker:
    """A maker of items; it keeps the picture that it decoded last, for the tasks of a picture come in a row."""

    def __init__(self, plan: SynthPlan, target: Target) -> None:
        self._plan = plan
        self._target = target
        self._temporary = target.partial / str(os.getpid())
        self._decoded: tuple[Source, FloatImage | InputError] | None = None

    def make(self, task: Task) -> Outcome:
        """Make the items that are not there yet. Raises `DataError` if the output folder cannot be written."""
        rows: list[Row] = []
        problems: list[str] = []
        made = 0
        for item in self._plan.items(task.source.name, task.start, task.stop):
            row = _finished(task.source, item, self._target)
            if row is None:
                try:
                    row = self._clip(task, item) if task.source.is_video else self._picture(task, item)
                except InputError as error:
                    problems.append(f"{task.source.path}: {error}")
                    continue
                except SpoiltError as error:
                    problems.append(f"{task.source.path}: {item.name}: {error}")
                    continue
                made += 1
            rows.append(self._with_scores(task, row))
        planned = min(task.stop, self._plan.size) - task.start
        return Outcome(rows=tuple(rows), made=made, planned=planned, problems=tuple(dict.fromkeys(problems)))

    def _picture(self, task: Task, item: Item) -> Row:
        image = self._image(task)
        try:
            data, suffix = render(image, item, self._target)
        except Exception as error:  # a plugin's fault spoils one picture, not the run
            text = " ".join(str(error).split())
            raise SpoiltError(text if isinstance(error, DheadsError) else f"{type(error).__name__}: {text}") from error
        file = _name(task.source, item, suffix)
        # Pictures are not synced: a million syncs would take days.
        with _written(self._target.folder / file, self._temporary, sync=False):
            self._temporary.write_bytes(data)
        return row_of(task.source, item, file, (image.shape[1], image.shape[0]))

    def _clip(self, task: Task, item: Item) -> Row:
        clips, limit = self._target.clips, task.max_pixels or DEFAULT_MAX_FRAME_PIXELS
        file = _name(task.source, item, clips.coding.suffix)
        clip = CleanClip(steps=item.steps, seed=item.seed, intervals=clips.intervals, coding=clips.coding)
        with _written(self._target.folder / file, self._temporary, sync=True):
            encoded = write_clip(task.source.path, self._temporary, clip, VideoOptions(max_pixels=limit))
        return row_of(task.source, item, file, (encoded.width, encoded.height), clips)

    def _with_scores(self, task: Task, row: Row) -> Row:
        if task.source.is_video or not self._target.scores:
            return row
        folder, metrics = self._target.folder, self._target.scores
        return row.with_scores(kept_scores(folder, row.file, metrics, lambda: self._image(task)))

    def _image(self, task: Task) -> FloatImage:
        """Return the picture of a task, decoded only once it is wanted. Raises `InputError`."""
        if self._decoded is None or self._decoded[0] != task.source:
            self._decoded = None  # never two at a time
            self._decoded = task.source, _decode(task)
        image = self._decoded[1]
        if isinstance(image, InputError):
            raise image
        return image


def _decode(task: Task) -> FloatImage | InputError:
    try:
        image = to_float(load_image(task.source.path, max_pixels=task.max_pixels or DEFAULT_MAX_PIXELS))
    except InputError as error:
        return error
    image.flags.writeable = False
    return image


def render(image: FloatImage, item: Item, target: Target) -> tuple[bytes | bytearray, str]:
    """Distort a float32 HWC RGB image in [0, 1] and return the bytes and the suffix of the file.

    A codec's own file decodes to the picture that would be written without `keep_codec`. Raises what plugins raise.
    """
    rng = np.random.default_rng(item.seed)
    encode = _own_encoder(item, target)
    if encode is None:
        image = distort(image, item.steps, rng)
        return _lossless(image, target), f".{target.format}"
    image = distort(image, item.steps[:-1], rng)
    (child,) = rng.spawn(1)  # the one that `distort` would have handed to the last step
    data, suffix = encode(image, item.steps[-1].severity, child)
    return data, suffix


def _lossless(image: FloatImage, target: Target) -> bytes | bytearray:
    return png(image, target.compress) if target.format == "png" else _webp(image, target.compress)


def _webp(image: FloatImage, compress: int) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    effort = {"quality": round(compress * 100 / 9), "method": min(compress, 6)}
    Image.fromarray(to_uint8(image)).save(buffer, "WEBP", lossless=True, **effort)
    return buffer.getvalue()


def _own_encoder(item: Item, target: Target) -> Encoder | None:
    return item.steps[-1].spec.encode if target.keep_codec else None


@lru_cache(maxsize=256)
def _codec_suffix(encode: Encoder) -> str:
    """Return the suffix of a codec's files, which is known only with a file."""
    return encode(np.full((32, 32, 3), 0.5, np.float32), 1.0, np.random.default_rng(0))[1]


def _finished(source: Source, item: Item, target: Target) -> Row | None:
    """Return the row of an item that an earlier run made; None if it did not, or if a power cut left it incomplete."""
    from PIL import Image

    try:
        if source.is_video:  # such a file has its name only once it is whole
            file = _name(source, item, target.clips.coding.suffix)
            return row_of(source, item, file, size_of(target.folder / file), target.clips)
        encode = _own_encoder(item, target)
        suffix = f".{target.format}" if encode is None else _codec_suffix(encode)
        file = _name(source, item, suffix)
        with (target.folder / file).open("rb") as stream:
            with warnings.catch_warnings(action="ignore"), Image.open(stream) as picture:  # a large one is no attack
                size = picture.size
            return row_of(source, item, file, size) if _ends(stream, suffix) else None
    except Exception:  # whatever is wrong with it, the item is made again
        return None


def _ends(stream: BinaryIO, suffix: str) -> bool:
    """Return whether a file that begins well is whole: files are not synced, so a power cut may take the rest."""
    size = stream.seek(0, os.SEEK_END)
    if suffix == ".webp":
        stream.seek(4)
        return int.from_bytes(stream.read(4), "little") + 8 == size
    end = _ENDS.get(suffix, b"")
    stream.seek(size - len(end))
    return stream.read() == end


def _name(source: Source, item: Item, suffix: str) -> str:
    return f"{source.name}.{item.name}{suffix}"


@contextmanager
def _written(path: Path, temporary: Path, *, sync: bool) -> Iterator[None]:
    """Give what is written to `temporary` the name `path` once it is whole."""
    try:
        with replacing(path, sync=sync, temporary=temporary):
            yield
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise SpoiltError(f"the name of its file would be too long: {path.name}") from None
        raise DataError(f"{path.parent} cannot be written: {reason(error)}") from None
