"""The formats of `predict`: those for pictures alone, and those that know videos too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dheads_cli.output.console import ResultStream
from dheads_cli.output.pictures import CsvSink, JsonSink, PlainSink, Sink

ForPeople: TypeAlias = Callable[[ResultStream, Sequence[str], Sequence[str], bool], Sink]


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How each format is made; the table only on demand, since it imports rich."""

    json: Callable[[ResultStream], Sink]
    csv: Callable[[ResultStream, Sequence[str]], Sink]
    plain: ForPeople
    table: Callable[[], ForPeople]


def _table() -> ForPeople:
    from dheads_cli.output.table import TableSink

    return TableSink


PICTURE_FORMATS = Formats(json=JsonSink, csv=CsvSink, plain=PlainSink, table=_table)


def video_formats() -> Formats:
    from dheads_cli.output.videos import VideoCsvSink, VideoJsonSink, VideoPlainSink

    def table() -> ForPeople:
        from dheads_cli.output.video_table import VideoTableSink

        return VideoTableSink

    return Formats(json=VideoJsonSink, csv=VideoCsvSink, plain=VideoPlainSink, table=table)
