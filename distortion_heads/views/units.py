"""Units that views and backbones share."""

from __future__ import annotations

CELL = 32
"""Side in native pixels of the cells over which the engines pool; windows are unions of cells."""


LUMA_PARTS = (299, 587, 114)
"""Thousandths of R, G and B in luma (ITU-R BT.601): of whole grey levels, sums in single precision are exact."""


FEATURE_LIMIT = 10.0
"""Standardised features are clipped to plus and minus this many standard deviations."""
