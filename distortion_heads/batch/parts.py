"""Rows of answers as Parquet: one row per input, errors included."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from distortion_heads.answers import Prediction
from distortion_heads.errors import DheadsError
from distortion_heads.reports.pictures import error_to_dict, prediction_to_dict
from distortion_heads.spec import KIND


def row_of(name: str, answer: Prediction | Exception) -> dict[str, Any]:
    """Return the row of an input: what `predict --json` says of it, `error` alone where it failed."""
    if isinstance(answer, Exception):
        bug = "" if isinstance(answer, DheadsError) else f"unexpected {type(answer).__name__}: "
        return error_to_dict(name, bug + " ".join(str(answer).split()))
    found = prediction_to_dict(answer)
    heads = [{"scope": KIND, **head} for head in found["heads"]]
    qualities = found.get("qualities", [found["quality"]] if "quality" in found else [])
    said = {"judged": True, "fast": False, "unfamiliar": False, **found}
    return {**said, "heads": heads, "qualities": qualities, "path": name}


def part_bytes(part: int, rows: Sequence[dict[str, Any]]) -> bytes:
    """Return a Parquet file of these rows; `part` and `row` number them, and are unique in a job."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbered = [{**row, "path": _utf8(row["path"]), "part": part, "row": i} for i, row in enumerate(rows)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(numbered, schema=_schema()), sink, compression="zstd")
    return sink.getvalue()


def _utf8(name: str) -> str:
    """Escape the surrogates that stand for bytes of a path that are no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _schema() -> Any:
    import pyarrow as pa

    answer = [
        ("probability", pa.float64()),
        ("threshold", pa.float64()),
        ("present", pa.bool_()),
        ("severity", pa.float64()),
    ]
    kind = pa.struct([("label", pa.string()), ("share", pa.float64())])
    family = pa.struct([("family", pa.string()), *answer, ("kinds", pa.list_(kind))])
    head = pa.struct([("label", pa.string()), ("family", pa.string()), *answer, ("scope", pa.string())])
    quality = pa.struct(
        [
            ("label", pa.string()),
            ("value", pa.float64()),
            ("scale", pa.list_(pa.float64())),
            ("target", pa.string()),
            ("spread", pa.float64()),
        ]
    )
    return pa.schema(
        [
            ("part", pa.int32()),
            ("row", pa.int32()),
            ("path", pa.string()),
            ("error", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("windows", pa.int32()),
            ("fast", pa.bool_()),
            ("backbone", pa.string()),
            ("area", pa.list_(pa.int32())),
            ("area_shape", pa.string()),
            ("unfamiliar", pa.bool_()),
            ("judged", pa.bool_()),
            ("reason", pa.string()),
            ("notes", pa.list_(pa.string())),
            ("families", pa.list_(family)),
            ("qualities", pa.list_(quality)),
            ("heads", pa.list_(head)),
        ]
    )
