"""What several tests need: little pictures, clips, heads, data sets and installed plugins."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
REPOSITORY = TESTS.parent
