"""Rows of answers as a Parquet file, for pandas and other tools (extra `parquet`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError, MissingExtraError

GROUP = 10_000
"""Rows that are written at once."""

NUMBERS, FLAGS = ("probability", "threshold", "severity", "quality"), ("present",)


class ParquetRows:
    """Takes the header, then rows; what it has is in the file once it is closed, whatever ended the run.

    Raises `MissingExtraError` without pyarrow, `DheadsError` if the file cannot be written.
    """

    def __init__(self, file: str, columns: Sequence[str]) -> None:
        try:
            import pyarrow
            from pyarrow.parquet import ParquetWriter
        except ModuleNotFoundError:
            raise MissingExtraError("--parquet", "parquet") from None
        self._file, self._arrow = file, pyarrow
        types = {**dict.fromkeys(NUMBERS, pyarrow.float64()), **dict.fromkeys(FLAGS, pyarrow.bool_())}
        self._schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in columns])
        self._rows: list[dict[str, Any]] = []
        self._header = tuple(columns)
        try:
            self._writer = ParquetWriter(file, self._schema)
        except OSError as error:
            raise DheadsError(f"cannot write to {file}: {reason(error)}") from None

    def __enter__(self) -> ParquetRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()

    def writerow(self, row: Iterable[Any]) -> None:
        """Take a row in the order of the columns; the header itself is none."""
        cells = tuple(row)
        if cells == self._header:
            return
        values = dict(zip(self._header, cells, strict=True))
        for name in FLAGS:
            values[name] = None if values[name] is None else values[name] == "true"
        self._rows.append(values)
        if len(self._rows) >= GROUP:
            self._flush()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        try:
            if rows:
                self._writer.write_table(self._arrow.Table.from_pylist(rows, self._schema))
        except OSError as error:
            raise DheadsError(f"cannot write to {self._file}: {reason(error)}") from None
