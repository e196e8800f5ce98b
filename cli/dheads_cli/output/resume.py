"""Go on with a file of answers that an earlier run of `predict` wrote: JSON lines, or CSV by its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from dheads_cli.output.console import complain, result_file
from dheads_cli.output.sinks import CsvSink, JsonSink, Names, Sink
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError
from distortion_heads.io.text_tables import csv_path
from distortion_heads.reports.pictures import CsvReport

if TYPE_CHECKING:
    from distortion_heads.io.inputs import Input
    from distortion_heads.pipeline import Predictor

ENCODING, ERRORS = "utf-8", "surrogateescape"


def is_csv(file: str) -> bool:
    """Return whether answers go there as CSV."""
    return file.lower().endswith(".csv")


def left_to_do(
    file: str, inputs: Sequence[Input], videos: Sequence[bool], names: Names, predictor: Predictor
) -> tuple[list[Input], list[bool]]:
    """Return the inputs that have no answer in `file` yet, and which of them are videos.

    A last line that was cut off is cut away. Raises `click.UsageError` for frames in CSV, `DheadsError` if the file
    holds something else, or answers of other heads, thresholds or another backbone.
    """
    if any(videos) and is_csv(file):
        raise click.UsageError("--resume cannot go on within the frames of a video: give it a .jsonl file")
    data = _content(Path(file))
    whole = data[: data.rfind(b"\n") + 1]
    text = whole.decode(ENCODING, ERRORS)
    done = _done_in_csv(file, text, names) if is_csv(file) else _done_in_json(file, text, predictor)
    if len(whole) < len(data):
        if not data.startswith(b"path," if is_csv(file) else b'{"path":'):
            raise DheadsError(f"{file} holds no answers of `dheads predict`: name another file")
        _cut(Path(file), len(whole))
    left = [
        (item, is_video)
        for item, is_video in zip(inputs, videos, strict=True)
        if (csv_path(item.name) if is_csv(file) else item.name) not in done
    ]
    if len(left) < len(inputs):
        complain(f"note: {len(inputs) - len(left)} of {len(inputs)} are in {file} already")
    return [item for item, _ in left], [is_video for _, is_video in left]


@contextmanager
def appended_sink(file: str, names: Names) -> Iterator[Sink]:
    """Give a sink that adds to what `file` holds. Raises `DheadsError`."""
    fresh = not Path(file).exists() or not Path(file).stat().st_size
    with result_file(file, append=True) as stream:
        yield CsvSink(stream, names, with_frames=False, header=fresh) if is_csv(file) else JsonSink(stream)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DheadsError(f"{file} cannot be read: {reason(error)}") from None


def _cut(file: Path, length: int) -> None:
    try:
        with file.open("rb+") as stream:
            stream.truncate(length)
    except OSError as error:
        raise DheadsError(f"{file} cannot be written: {reason(error)}") from None


def _done_in_json(file: str, text: str, predictor: Predictor) -> set[str]:
    backbone = str(predictor.backbone.ref)
    expected = {
        kind: {head.label: round(head.threshold.value, 6) for head in heads}
        for kind, heads in (("video", predictor.video_heads), (None, predictor.heads))
    }
    done = set()
    # not by `splitlines`, for a path may hold what that takes for the end of a line
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            answer = json.loads(line)
            path, kind = answer["path"], answer.get("kind")
            heads = {head["label"]: head["threshold"] for head in answer.get("heads", [])}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DheadsError(f"{file}, line {number}: no answer of `dheads predict --json`") from None
        if kind not in expected:  # the beginning or end of a segment
            continue
        if answer.get("backbone", backbone) != backbone or (heads and heads != expected[kind]):
            raise _other(file)
        done.add(path)
    return done


def _done_in_csv(file: str, text: str, names: Names) -> set[str]:
    expected = StringIO()
    CsvReport(cast(TextIO, expected), names.labels, names.columns, names.qualities)
    header = next(csv.reader([expected.getvalue()]))
    rows = list(csv.reader(StringIO(text, newline="")))
    if rows and rows[0] != header:
        raise _other(file)
    if any(len(row) != len(header) for row in rows):
        raise DheadsError(f"{file} has lines of another length than its header: start a new file")
    return {row[0] for row in rows[1:]}


def _other(file: str) -> DheadsError:
    return DheadsError(f"{file} holds answers of other heads or of another backbone: start a new file")
