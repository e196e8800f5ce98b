"""The outcome of one repetition, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads.datasets.splits import Protocol

SCHEMA = "dheads-repetition/1"
DIGITS = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One method's answers on the test part of one repetition.

    `paths` are relative to the dataset. `truth` bool (n, labels); `clean` bool (n,), records without any distortion;
    `probability` float64 (n, labels) in [0, 1]; `thresholds` float64 (labels,). `seconds`: to judge one picture or
    frame from its file, median; `fit_seconds`: to fit. `n_train`, `n_validation`: records. `parameters`: numbers that
    the fitted method holds, None where it does not say.
    """

    method: str
    protocol: Protocol
    share: float
    seed: int
    labels: tuple[str, ...]
    paths: tuple[str, ...]
    scenes: tuple[str, ...]
    truth: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    probability: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    seconds: float
    fit_seconds: float
    n_train: int
    n_validation: int
    parameters: int | None = None

    @property
    def found(self) -> NDArray[np.bool_]:
        """Bool (n, labels): which heads fire."""
        found: NDArray[np.bool_] = self.probability >= self.thresholds
        return found


def save_outcome(file: Path, outcome: Outcome) -> None:
    """Write the file of a repetition; all of it or nothing. Raises `OSError`."""
    fields = {name: _plain(value) for name, value in vars(outcome).items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps({"schema": SCHEMA, **fields}, allow_nan=False).encode())


def load_outcome(file: Path) -> Outcome | None:
    """Read what `save_outcome` wrote; None if there is no such file or it is damaged."""
    try:
        content = json.loads(file.read_bytes())
        return _parse(content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parse(content: Mapping[str, Any]) -> Outcome | None:
    if content["schema"] != SCHEMA:
        return None
    outcome = Outcome(
        method=str(content["method"]),
        protocol=content["protocol"],
        share=float(content["share"]),
        seed=int(content["seed"]),
        labels=tuple(map(str, content["labels"])),
        paths=tuple(map(str, content["paths"])),
        scenes=tuple(map(str, content["scenes"])),
        truth=np.array(content["truth"], bool),
        clean=np.array(content["clean"], bool),
        probability=np.array(content["probability"], np.float64),
        thresholds=np.array(content["thresholds"], np.float64),
        seconds=float(content["seconds"]),
        fit_seconds=float(content["fit_seconds"]),
        n_train=int(content["n_train"]),
        n_validation=int(content["n_validation"]),
        parameters=None if content.get("parameters") is None else int(content["parameters"]),
    )
    rows, columns = len(outcome.paths), len(outcome.labels)
    shapes = (outcome.truth.shape, outcome.probability.shape, outcome.clean.shape, outcome.thresholds.shape)
    return outcome if shapes == ((rows, columns), (rows, columns), (rows,), (columns,)) else None


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return np.round(value, DIGITS).tolist() if value.dtype.kind == "f" else value.astype(int).tolist()
    return value
