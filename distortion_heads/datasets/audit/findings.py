"""Findings of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Grade: TypeAlias = Literal["wrong", "suspect", "handled"]
Check: TypeAlias = Literal[
    "unreadable",
    "split names",
    "shared scenes",
    "scenes that look alike",
    "same as reference",
    "duplicates",
    "conflicting labels",
    "sizes",
    "levels",
    "clean pictures",
    "label noise",
]

GRADES: dict[Grade, str] = {
    "wrong": "figures measured on this dataset mislead until it is mended",
    "suspect": "look at these pictures",
    "handled": "the dataset's own labels are wrong here, and are read as they should be",
}
MAX_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`count` of `total` things are as `message` says; `examples` are a few of them, worst first."""

    check: Check
    grade: Grade
    message: str
    count: int
    total: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All findings; `checked`: what was looked at, a line each; `notes`: what the loader read differently."""

    dataset: str
    kind: str
    records: int
    scenes: int
    labels: tuple[str, ...]
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Return whether nothing is wrong; what is suspect or handled is left to the reader."""
        return not any(finding.grade == "wrong" for finding in self.findings)


def audit_to_dict(audit: Audit) -> dict[str, Any]:
    return {**asdict(audit), "sound": audit.sound}


def finding(check: Check, grade: Grade, message: str, found: Sequence[str], total: int) -> Finding:
    """Make a finding of what was found, which may not be empty."""
    examples = tuple(found[:MAX_EXAMPLES])
    return Finding(check=check, grade=grade, message=message, count=len(found), total=total, examples=examples)
