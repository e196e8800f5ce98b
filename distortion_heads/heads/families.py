"""The answers of single heads, put in order by family (design, section 4).

Their probabilities, thresholds and severities stay what they are. A family's own head decides whether there is any
fault of the family; kinds only say which. So no kind is `present` in a family whose own head was asked and says no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from distortion_heads.answers import FamilyResult, HeadResult, KindShare
from distortion_heads.spec import FAMILY

OTHER = "other"
"""The label of a fault of the family that no head is named after."""

_Answer = TypeVar("_Answer", bound=HeadResult)


def families_of(heads: Iterable[HeadResult]) -> tuple[FamilyResult, ...]:
    """Return the answer for each family that `heads` answer for, in the order in which these come."""
    return tuple(family_result(speaker(members), members) for members in by_family(heads))


def decided(heads: Sequence[_Answer]) -> tuple[_Answer, ...]:
    """Return the answers, none of a kind `present` in a family whose own head is among them and is not."""
    absent = {head.family for head in heads if head.scope == FAMILY and not head.present}
    return tuple(
        replace(head, present=False) if head.present and head.scope != FAMILY and head.family in absent else head
        for head in heads
    )


def by_family(heads: Iterable[_Answer]) -> list[list[_Answer]]:
    """Return the answers of each family, families in the order of their first answers."""
    members: dict[str, list[_Answer]] = {}
    for head in heads:
        members.setdefault(head.family, []).append(head)
    return list(members.values())


def speaker(members: Iterable[_Answer]) -> _Answer:
    """Return the answer that decides for a family: its own head's or, without one, that of its most probable kind.

    Thresholds differ, so the most probable kind is the one whose probability is the largest multiple of its threshold:
    a family is present where any of its kinds is.
    """
    return max(members, key=lambda head: (head.scope == FAMILY, head.present, _margin(head), head.probability))


def family_result(head: HeadResult, members: Sequence[HeadResult]) -> FamilyResult:
    """Return what `head` says for its family, with the shares of the kinds among `members`."""
    return FamilyResult(
        family=head.family,
        probability=head.probability,
        threshold=head.threshold,
        present=head.present,
        severity=head.severity,
        kinds=shares(members, lambda kind: kind.probability),
    )


def shares(members: Iterable[_Answer], probability: Callable[[_Answer], float]) -> tuple[KindShare, ...]:
    """Return the shares of the kinds among `members`, and of another kind; they sum to one, the largest comes first.

    A kind weighs as much as its probability; another kind takes what the most probable one leaves.
    """
    weights = {head.label: probability(head) for head in members if head.scope != FAMILY}
    weights[OTHER] = weights.get(OTHER, 0.0) + 1 - max(weights.values(), default=0.0)
    total = sum(weights.values())
    found = (KindShare(label=label, share=weight / total) for label, weight in weights.items())
    return tuple(sorted(found, key=lambda kind: -kind.share))


def _margin(head: HeadResult) -> float:
    return head.probability / head.threshold if head.threshold > 0 else float("inf")
