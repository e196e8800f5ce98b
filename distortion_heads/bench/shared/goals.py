"""The project's goals, each beside the figure that was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure that should be at most `limit`, or at least if `lower`. `measured` None: not measured."""

    figure: str
    limit: float
    measured: float | None
    lower: bool = False
    published: str = ""

    @property
    def bound(self) -> str:
        """The limit in words."""
        return f"{'at least' if self.lower else 'at most'} {self.limit:g}"

    @property
    def met(self) -> bool | None:
        """Return whether it is reached; None if it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.lower else self.measured <= self.limit
