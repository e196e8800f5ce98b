"""Output of `dheads synth`: distorted pictures and manifest.csv."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path, PurePath

from distortion_heads.datasets.published.files import corpus, expected, find, labels_of, number, table
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY
from distortion_heads.synthesis.run import MANIFEST, RECORD

KIND = "synth"
MAX_RECORD_BYTES = 16 << 20


def fits(folder: Path) -> bool:
    """Return whether the record of a run is there."""
    return find(folder, RECORD) is not None


def read(folder: Path) -> Corpus:
    """Read the pictures of the manifest and, where they are still found, the clean ones that they were made from.

    Raises `DataError`, which names the file that was expected.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise expected(folder, KIND, f"{MANIFEST}, which `dheads synth` writes when it is done")
    starts = _inputs(folder / RECORD)
    records: dict[Path, Record] = {}
    sources: dict[str, Path | None] = {}
    for where, row in table(manifest, "file", "source", "labels", "severities"):
        if row.get("interval"):
            raise DataError(f"{where}: a video is judged as a whole here: make it without --interval")
        source = row["source"]
        if source not in sources:
            sources[source] = _source(source, starts)
        reference = sources[source]
        path = _inside(row["file"], folder, where)
        severities = _severities(row["labels"], row["severities"], where)
        records[path] = Record(
            path=path,
            scene=source,
            severities=severities,
            reference=reference,
            kind="+".join(severities),
            scores=_scores(row.get("scores") or "{}", where),
            parameters=_parameters(row.get("parameters") or "{}", where),
        )
        if reference is not None:
            records.setdefault(reference, Record(path=reference, scene=source))
    lost = sum(source is None for source in sources.values())
    notes = [f"{lost} of {len(sources)} clean pictures are not found where the manifest says"] if lost else []
    return corpus(KIND, folder, records.values(), (), notes)


def _severities(labels: str, severities: str, where: str) -> dict[str, float]:
    names, values = labels_of(labels, where), [number(text, where, "severity") for text in severities.split("+")]
    if len(names) != len(values) or not all(MIN_SEVERITY <= value <= MAX_SEVERITY for value in values):
        raise DataError(f"{where}: {labels} and {severities} are no labels with a severity in [1, 5] each")
    return dict(zip(names, values, strict=True))


def _scores(text: str, where: str) -> dict[str, float]:
    """Return the values of metrics by name. Raises `DataError` if they are none."""
    try:
        found = json.loads(text)
        scores = {str(name): float(value) for name, value in found.items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        scores = {"": math.nan}
    if not all(map(math.isfinite, scores.values())):
        raise DataError(f"{where}: the scores {text[:60]!r} are no JSON object of numbers by metric")
    return scores


def _parameters(text: str, where: str) -> dict[str, dict[str, float]]:
    """Return the physical parameters by label. Raises `DataError` if they are none."""
    try:
        found = json.loads(text)
        return {str(label): {str(n): float(v) for n, v in values.items()} for label, values in found.items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        raise DataError(f"{where}: the parameters {text[:60]!r} are no JSON object of numbers by label") from None


def _inside(name: str, folder: Path, where: str) -> Path:
    """Return a file in `folder` or below. Raises `DataError` if the name leads elsewhere or the file is missing."""
    relative = PurePath(name)
    if not name or relative.is_absolute() or ".." in relative.parts or "\0" in name:
        raise DataError(f"{where}: {name!r} is not below the dataset's folder")
    if not (folder / relative).is_file():
        raise DataError(f"{where}: expected the picture {name}, which is missing")
    return folder / relative


def _inputs(record: Path) -> tuple[Path, ...]:
    """Return the inputs of the run as absolute paths; none if its record is not there."""
    try:
        if record.stat().st_size > MAX_RECORD_BYTES:
            raise DataError(f"{record}: larger than {MAX_RECORD_BYTES >> 20} MiB")
        found = json.loads(record.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError):
        raise DataError(f"{record} is damaged: make the dataset again") from None
    inputs = found.get("inputs", []) if isinstance(found, dict) else []
    return tuple(Path(text) for text in inputs if isinstance(text, str) and "\0" not in text)


def _source(name: str, inputs: Sequence[Path]) -> Path | None:
    """Return the clean picture: a relative name starts where `dheads synth` was started, above one of its inputs."""
    if not name or "\0" in name:
        return None
    path = Path(name)
    starts = [path] if path.is_absolute() else [parent / path for start in inputs for parent in start.parents]
    return next((found for found in starts if found.is_file()), None)
