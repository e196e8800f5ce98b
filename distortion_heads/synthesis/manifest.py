"""The rows of a run's manifest."""

from __future__ import annotations

import json
from typing import NamedTuple

from distortion_heads.io.text_tables import csv_cells, reread_path
from distortion_heads.metrics.pseudo_opinion import LAI, plain_mean
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.clips import ClipTarget
from distortion_heads.synthesis.plan import Item
from distortion_heads.synthesis.sources import Source


class Row(NamedTuple):
    """One line of the manifest, whose columns are the fields.

    Four belong to clips: `interval` is empty for the whole clip, else "2-5+7-8" in seconds; `bit_rate` (bit/s) and
    `crf` are those asked for. `scores` of pictures is a JSON object of metrics, empty where none was asked for;
    `pseudo_mos` the mean of the six of Lai, Chu, Leng, where all were.
    """

    file: str
    source: str
    labels: str
    severities: str
    parameters: str
    seed: int
    width: int
    height: int
    interval: str = ""
    codec: str = ""
    bit_rate: str = ""
    crf: str = ""
    scores: str = ""
    pseudo_mos: str = ""

    @property
    def cells(self) -> list[object]:
        """Return the cells of the row, which is read again."""
        return [reread_path(self.file), reread_path(self.source), *csv_cells(self[2:])]

    def with_scores(self, scores: str) -> Row:
        """Return the row with values of metrics, a JSON object."""
        found = json.loads(scores)
        known = all(name in found for name in LAI)
        return self._replace(scores=scores, pseudo_mos=f"{plain_mean(LAI, found):.6g}" if known else "")


def row_of(source: Source, item: Item, file: str, size: tuple[int, int], clips: ClipTarget | None = None) -> Row:
    """Return the row of the file that an item of `source` became; `size` is its width and height."""
    row = Row(
        file=file,
        source=source.path,
        labels="+".join(step.spec.label for step in item.steps),
        severities="+".join(f"{step.severity:g}" for step in item.steps),
        parameters=json.dumps({step.spec.label: _parameters(step.spec, step.severity) for step in item.steps}),
        seed=item.seed,
        width=size[0],
        height=size[1],
    )
    if clips is None:
        return row
    coding = clips.coding
    return row._replace(
        interval="+".join(map(str, clips.intervals)),
        codec=coding.codec,
        bit_rate="" if coding.bit_rate is None else str(coding.bit_rate),
        crf="" if coding.crf is None else f"{coding.crf:g}",
    )


def _parameters(spec: HeadSpec, severity: float) -> dict[str, float]:
    values = spec.parameters(severity) if spec.parameters is not None else {}
    return {name: float(f"{value:.6g}") for name, value in values.items()}
