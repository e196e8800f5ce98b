"""Every answer of every repetition as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.io.text_tables import csv_cells, csv_path


def predictions_csv(outcomes: Sequence[Outcome]) -> str:
    """Return a row per record of a test part, with what is there and what was found (labels, `;` between them)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    labels = outcomes[0].labels
    writer.writerow(("method", "protocol", "share", "seed", "path", "scene", "true", "found", *csv_cells(labels)))
    for outcome in outcomes:
        rows = zip(outcome.paths, outcome.scenes, outcome.truth, outcome.found, outcome.probability, strict=True)
        for path, scene, truth, found, probability in rows:
            sets = (
                ";".join(name for name, there in zip(labels, flags, strict=True) if there) for flags in (truth, found)
            )
            values = (f"{value:.6f}" for value in probability)
            own = csv_cells((outcome.method, outcome.protocol, outcome.share, outcome.seed))
            writer.writerow((*own, csv_path(str(path)), *csv_cells((scene, *sets, *values))))
    return stream.getvalue()
