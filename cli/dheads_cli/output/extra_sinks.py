"""Things beside the results of `predict`: a CSV file with a row per answer, and a summary of a folder."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from dheads_cli.output.console import complain, is_terminal, result_file
from dheads_cli.output.sinks import Sink
from distortion_heads.io.text_tables import csv_cells, csv_path, csv_text
from distortion_heads.reports.markdown import FEW
from distortion_heads.reports.pictures import family_to_dict, head_to_dict
from distortion_heads.reports.qualities import quality_cells
from distortion_heads.spec import FAMILY, KIND, QUALITY

if TYPE_CHECKING:
    from distortion_heads.answers import FamilyResult, HeadResult, Prediction, QualityResult
    from distortion_heads.video.answers import Event, FrameResult, VideoFamily, VideoHead, VideoPrediction

LONG_COLUMNS = (
    "path",
    "label",
    "family",
    "probability",
    "threshold",
    "present",
    "severity",
    "error",
    "scope",
    "quality",
)


class Beside(Sink):
    """Passes everything on to `sink`; those that follow add something of their own."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def prediction(self, prediction: Prediction) -> None:
        self._sink.prediction(prediction)

    def frame(self, path: str, result: FrameResult) -> None:
        self._sink.frame(path, result)

    def event(self, path: str, event: Event) -> None:
        self._sink.event(path, event)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._sink.video(path, prediction)

    def error(self, path: str, reason: str) -> None:
        self._sink.error(path, reason)

    def left_out(self, path: str, reason: str) -> None:
        self._sink.left_out(path, reason)

    def close(self) -> None:
        self._sink.close()


class Rows(Protocol):
    """Takes rows of cells, the header first."""

    def writerow(self, row: Iterable[Any], /) -> object: ...


class LongCsv(Beside):
    """Writes a row per input and family, then per head of a kind, then of quality: `LONG_COLUMNS`, or empty cells."""

    def __init__(self, rows: Rows, sink: Sink) -> None:
        super().__init__(sink)
        self._writer = rows
        self._writer.writerow(LONG_COLUMNS)

    def prediction(self, prediction: Prediction) -> None:
        self._rows(prediction.path, prediction.families, prediction.heads, prediction.qualities)
        super().prediction(prediction)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._rows(path, prediction.families, prediction.heads, prediction.qualities)
        if prediction.error is not None:
            self._failed(path, prediction.error)
        super().video(path, prediction)

    def error(self, path: str, reason: str) -> None:
        self._failed(path, reason)
        super().error(path, reason)

    def left_out(self, path: str, reason: str) -> None:
        self._failed(path, reason)
        super().left_out(path, reason)

    def _rows(
        self,
        path: str | None,
        families: Sequence[FamilyResult | VideoFamily],
        heads: Sequence[HeadResult | VideoHead],
        qualities: Sequence[QualityResult],
    ) -> None:
        rows = [family_to_dict(family) | {"label": family.family, "scope": FAMILY} for family in families]
        rows += [head_to_dict(head) | {"scope": KIND} for head in heads if head.scope != FAMILY]
        rows = [row | {"present": str(row["present"]).lower()} for row in rows]
        values = quality_cells(qualities).items()
        rows += [{"label": label, "family": QUALITY, "scope": QUALITY, "quality": value} for label, value in values]
        for row in rows:
            cells = row | {"path": csv_path(path)}
            first, *rest = (cells.get(name) for name in LONG_COLUMNS)
            self._writer.writerow([first, *csv_cells(rest)])

    def _failed(self, path: str, reason: str) -> None:
        cells = {"path": csv_path(path), "error": csv_text(reason)}
        self._writer.writerow([cells.get(name) for name in LONG_COLUMNS])


class Summary(Beside):
    """Says on stderr, after several inputs, how many have which family of distortions, and how many failed."""

    def __init__(self, sink: Sink, noun: str) -> None:
        super().__init__(sink)
        self._noun = noun
        self._judged = self._clean = self._too_little = self._in_part = self._failed = 0
        self._found: Counter[str] = Counter()

    def prediction(self, prediction: Prediction) -> None:
        if prediction.judged:
            self._count([family.family for family in prediction.present_families])
        else:
            self._too_little += 1
        super().prediction(prediction)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        if prediction.reason is None:
            self._count([family.family for family in prediction.relevant_families])
        else:
            self._too_little += 1
        self._in_part += prediction.error is not None
        super().video(path, prediction)

    def error(self, path: str, reason: str) -> None:
        self._failed += 1
        super().error(path, reason)

    def left_out(self, path: str, reason: str) -> None:
        self._failed += 1
        super().left_out(path, reason)

    def close(self) -> None:
        super().close()
        if self._judged + self._too_little + self._failed > 1:
            for line in self._lines():
                complain(line)

    def _count(self, families: Sequence[str]) -> None:
        self._judged += 1
        self._clean += not families
        self._found.update(families)

    def _lines(self) -> Iterator[str]:
        failed = f", {self._too_little} with too little to judge" if self._too_little else ""
        failed += f", {self._failed} with errors" if self._failed else ""
        in_part = f" ({self._in_part} of them in part)" if self._in_part else ""
        if not is_terminal(sys.stdout):  # the table there ends with the same
            yield f"summary: {self._judged} {self._noun} judged{in_part}, {self._clean} clean{failed}"
        if self._found:
            counts = sorted(self._found.items(), key=lambda item: (-item[1], item[0]))
            yield "summary: " + ", ".join(f"{label} {n} ({n / self._judged:.0%})" for label, n in counts)
            if self._judged < FEW:
                yield f"summary: percentages of {self._judged} {self._noun} are rough: fewer than {FEW}"


@contextmanager
def beside(sink: Sink, csv_long: str | None, parquet: str | None, *, summary: bool, noun: str) -> Iterator[Sink]:
    """Give `sink` with what else is asked for. Raises `DheadsError` if a file cannot be written."""
    sink = Summary(sink, noun) if summary else sink
    with ExitStack() as files:
        if csv_long is not None:
            sink = LongCsv(csv.writer(cast(TextIO, files.enter_context(result_file(csv_long)))), sink)
        if parquet is not None:
            from dheads_cli.output.parquet import ParquetRows

            sink = LongCsv(files.enter_context(ParquetRows(parquet, LONG_COLUMNS)), sink)
        yield sink
