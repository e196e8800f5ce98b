"""Severity in [1, 5] to physical parameter, continuous and through the published value at each whole severity."""

from __future__ import annotations

import math
from collections.abc import Sequence


def at_severity(levels: Sequence[float], severity: float, *, log: bool = False) -> float:
    """Interpolate five `levels` (the parameter at severities 1..5) at `severity`, clipped to [1, 5].

    Piecewise linear, or linear in the logarithm with `log=True` (all levels must then be positive).
    """
    position = min(max(float(severity), 1.0), 5.0) - 1.0
    low = min(int(position), 3)
    fraction = position - low
    a, b = levels[low], levels[low + 1]
    if log:
        return math.exp((1.0 - fraction) * math.log(a) + fraction * math.log(b))
    return (1.0 - fraction) * a + fraction * b
