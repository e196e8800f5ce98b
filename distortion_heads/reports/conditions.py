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
    """`name` (a head's label, or a family without a head of that label: any head of it), `op`, `value`.

    It compares the probability, in [0, 1]; of a head of quality that, on its scale.
    """

    name: str
    op: Operator
    value: float

    def holds(self, prediction: Prediction) -> bool:
        """Return whether what the head of that label, or any head of that family, says compares so."""
        return bool(self.matches(prediction))

    def matches(self, prediction: Prediction) -> tuple[tuple[str, float], ...]:
        """Return the label and the value of each head for which it holds, the largest first."""
        compare, heads = _OPERATORS[self.op], prediction.heads
        named = [(head.label, head.probability) for head in heads if head.label == self.name]
        named = named or [
            (quality.label, quality.value) for quality in prediction.qualities if quality.label == self.name
        ]
        named = named or [(head.label, head.probability) for head in heads if head.family == self.name]
        found = [(label, value) for label, value in named if compare(value, self.value)]
        return tuple(sorted(found, key=lambda pair: -pair[1]))

    def check(self, names: Collection[str], qualities: Collection[str] = ()) -> None:
        """Raise `DheadsError` unless `name` is among the labels and families `names`, or those of `qualities`.

        A misspelt one never holds, nor does a probability beyond 1.
        """
        if self.name not in names and self.name not in qualities:
            known = ", ".join(sorted({*names, *qualities}))
            raise DheadsError(f"no head or family is called {self.name!r} (there are: {known})")
        if self.value > 1 and self.name not in qualities:
            text = f"{self.name}{self.op}{self.value:g}"
            raise DheadsError(f"condition {text!r} compares with {self.value:g}, but probabilities lie in [0, 1]")


def parse_condition(text: str) -> Condition:
    """Parse `NAME OP NUMBER`, OP one of `> >= < <=`. Raises `DheadsError`."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise DheadsError(f"condition {text!r} is not like 'blur>0.6': a head or family, one of > >= < <=, a number")
    name, op, number = match.groups()
    return Condition(name=name, op=cast(Operator, op), value=float(number))
