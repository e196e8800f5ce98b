"""Which sink answers go to: JSON, CSV, a table on a terminal, or lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import is_terminal, result_file, stdout_stream
from dheads_cli.output.sinks import CsvSink, JsonSink, Names, PlainSink, Sink

if TYPE_CHECKING:
    from distortion_heads.io.inputs import Input


@contextmanager
def chosen_sink(
    as_json: bool,
    csv_file: str | None,
    show_all: bool,
    names: Names,
    inputs: Sequence[Input],
    has_video: bool,
) -> Iterator[Sink]:
    """Open the sink that the options ask for: JSON, CSV, or text for people. Raises `click.UsageError`."""
    if as_json:
        yield JsonSink(stdout_stream(machine=True))
    elif csv_file == "-":
        yield CsvSink(stdout_stream(machine=True), names, with_frames=has_video)
    elif csv_file is not None:
        spare_pictures(csv_file, inputs)
        with result_file(csv_file) as stream:
            yield CsvSink(stream, names, with_frames=has_video)
    else:
        yield _for_people(names, [item.name for item in inputs], show_all, "inputs" if has_video else "pictures")


def _for_people(names: Names, paths: Sequence[str], show_all: bool, noun: str) -> Sink:
    stream = stdout_stream(machine=False)
    if not is_terminal(sys.stdout):
        return PlainSink(stream, names, paths, show_all)
    from dheads_cli.output.table import TableSink

    return TableSink(stream, names, paths, show_all, noun=noun)


def spare_pictures(csv_file: str | None, inputs: Sequence[Input], option: str = "--csv") -> None:
    """Refuse to overwrite a picture, as after `--csv *.png`. Raises `click.UsageError`."""
    if csv_file is None:
        return
    from distortion_heads.io.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES

    named = os.path.splitext(csv_file)[1].lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES  # noqa: PTH122
    if named or any(os.path.realpath(item.path) == os.path.realpath(csv_file) for item in inputs):
        raise click.UsageError(f"{option} {csv_file} would overwrite a picture: name another file")
