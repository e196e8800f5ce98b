"""People's opinions of the records of a dataset: its own ratings, or what people said of faults of that strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.registry.build import Registry
from distortion_heads.synthesis.opinions import opinion
from distortion_heads.synthesis.visibility import UNCHANGED
from distortion_heads.training.heads.quality_head import HIGH, LOW, MEANING

FULL = 100.0


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """Where opinions lie, high is good, what that means, and whose they were; `turned`: they are DMOS."""

    low: float
    high: float
    meaning: str
    target: str
    turned: bool = False
    rated: bool = True

    def of(self, records: Sequence[Record], registry: Registry) -> NDArray[np.float64]:
        """Return the opinion of each record, float64 (n,), high is good; NaN where there is none."""
        if self.rated:
            values = np.array([np.nan if record.mos is None else record.mos for record in records], np.float64)
            return self.low + self.high - values if self.turned else values
        return np.array([_by_strength(record, registry) for record in records], np.float64)

    def in_percent(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return opinions from 0 to 100."""
        return (FULL * (values - self.low) / (self.high - self.low)).astype(np.float32)


def find_opinions(records: Sequence[Record], registry: Registry, name: str, *, turned: bool) -> Opinions | None:
    """Return where the opinions of `records` lie; None if there is none, not even by the strength of the fault.

    Raises `DataError` where all ratings are the same.
    """
    rated = [record.mos for record in records if record.mos is not None]
    if rated:
        if min(rated) == max(rated):
            raise DataError(f"{name}: all ratings are {rated[0]:g}: nothing can be learnt from them; give others")
        meaning = f"the ratings of {name}, as far apart as they are there; {max(rated):g} is best"
        return Opinions(low=min(rated), high=max(rated), meaning=meaning, target=f"ratings of {name}", turned=turned)
    found = Opinions(
        low=LOW, high=HIGH, meaning=MEANING, target="means of KADID-10k by the strength of the fault", rated=False
    )
    known = found.of([record for record in records if not record.clean], registry)
    return found if np.isfinite(known).any() else None


def _by_strength(record: Record, registry: Registry) -> float:
    if record.clean:
        return UNCHANGED
    (label, severity), *more = record.severities.items()
    known = record.parameters.get(label) or _parameters(label, severity, registry)
    mean = None if more else opinion(label, known)
    return float("nan") if mean is None else mean


def _parameters(label: str, severity: float, registry: Registry) -> Mapping[str, float]:
    head = registry.heads.get(label)
    if head is None or head.spec.parameters is None or not np.isfinite(severity):
        return {}
    return head.spec.parameters(severity)
