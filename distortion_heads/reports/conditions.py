"""Conditions such as `blur>0.6`, for `--fail-if`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from distortion_heads.answers import Prediction
from distortion_heads.errors import DheadsError

Operator: TypeAlias = Literal[">", ">=", "<", "<="]


_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


_CONDITION = re.compile(r"\s*([^<>=]*[^<>=\s])\s*(>=|<=|>|<)\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`name` (a head's label, or a family without a head of that label: any head of it), `op`, `value` in [0, 1]."""

    name: str
    op: Operator
    value: float

    def holds(self, prediction: Prediction) -> bool:
        """Return whether the probability of the head of that label, or of any head of that family, compares so."""
        compare, heads = _OPERATORS[self.op], prediction.heads
        named = [head for head in heads if head.label == self.name]
        named = named or [head for head in heads if head.family == self.name]
        return any(compare(head.probability, self.value) for head in named)

    def check(self, names: Collection[str]) -> None:
        """Raise `DheadsError` unless `name` is among the labels and families `names`: a misspelt one never holds."""
        if self.name not in names:
            raise DheadsError(f"no head or family is called {self.name!r} (there are: {', '.join(sorted(set(names)))})")


def parse_condition(text: str) -> Condition:
    """Parse `NAME OP NUMBER`, OP one of `> >= < <=`, NUMBER in [0, 1]. Raises `DheadsError`."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise DheadsError(f"condition {text!r} is not like 'blur>0.6': a head or family, one of > >= < <=, a number")
    name, op, number = match.groups()
    value = float(number)
    if value > 1:
        raise DheadsError(f"condition {text!r} compares with {number}, but probabilities lie in [0, 1]")
    return Condition(name=name, op=cast(Operator, op), value=value)
