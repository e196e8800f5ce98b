"""Frozen dataclasses to plain JSON values and back: strictly as the annotations of their fields say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from sys import intern
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

STORED_AS, OPTIONAL = "stored as", "optional"
"""Keys of a field's metadata: its type in JSON, if that is another one; whether it is left out at its default."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class RefusedError(ValueError):
    """A JSON value that is not as its type says; the message begins with its place."""


@dataclass(frozen=True)
class Rule:
    """Which JSON values a field takes, in words too, and how its own value is made of one and written as one."""

    accepts: Callable[[Any], bool]
    wanted: str
    write: Callable[[Any], Any] = lambda own: own
    make: Callable[[Any], Any] | None = None

    def read(self, value: Any) -> Any:
        if not self.accepts(value):
            raise RefusedError(f" is not {self.wanted}")
        return value if self.make is None else self.make(value)


def one_of(*allowed: str | tuple[str, ...]) -> Rule:
    """Return the rule for one of these texts, or of these tuples, which are lists in JSON."""
    plain = [value if isinstance(value, str) else list(value) for value in allowed]
    wanted = f"one of {', '.join(map(repr, plain))}"
    return Rule(lambda v: v in plain, wanted, make=lambda v: allowed[plain.index(v)])


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and not _CONTROLS.search(value)


def _is_fraction(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_figure(value: Any) -> bool:
    return value is None or _is_fraction(value)


def _is_number(value: Any) -> bool:
    """Return whether `value` is a finite number, for JSON allows 1e999."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_correlation(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and -1 <= value <= 1)


def _is_size(value: Any) -> bool:
    return value is None or (_is_number(value) and value >= 0)


def _is_object(value: Any, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(accepts, value.values()))


def _without_surrogates(text: str) -> str:
    """Escape the surrogates that stand in paths for bytes that are no UTF-8: they cannot be printed."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _figure(value: float | None) -> float | None:
    return None if value is None else float(value)


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


_PLAIN = {
    str: Rule(_is_line, "a single line of text"),
    int: Rule(lambda v: type(v) is int and v >= 1, "an integer, 1 or more", int),
    float: Rule(_is_fraction, "a number in [0, 1]", float),
}
Text: TypeAlias = Annotated[str, Rule(_is_text, "a string", _without_surrogates)]
Integer: TypeAlias = Annotated[int, Rule(lambda v: type(v) is int, "an integer", int)]
Count: TypeAlias = Annotated[int, Rule(lambda v: type(v) is int and v >= 0, "an integer, 0 or more", int)]
Figure: TypeAlias = Annotated[float | None, Rule(_is_figure, "null or a number in [0, 1]", _figure)]
Number: TypeAlias = Annotated[float, Rule(_is_number, "a finite number", float)]
Correlation: TypeAlias = Annotated[float | None, Rule(_is_correlation, "null or a number in [-1, 1]", _figure)]
Size: TypeAlias = Annotated[float | None, Rule(_is_size, "null or a number, 0 or more", _figure)]
PositiveFraction: TypeAlias = Annotated[
    float, Rule(lambda v: _is_fraction(v) and v > 0, "a number above 0, 1 at most", float)
]
Texts: TypeAlias = Annotated[Mapping[str, str], Rule(lambda v: _is_object(v, _is_text), "an object of strings", dict)]
Numbers: TypeAlias = Annotated[
    Mapping[str, float], Rule(lambda v: _is_object(v, _is_number), "an object of finite numbers", _numbers)
]


@dataclass(frozen=True)
class Items:
    """A tuple whose items are all of one type; texts are interned, for most are the same in many heads."""

    item: Rule | Items | Record

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise RefusedError(" is not a list")
        found = []
        for i, item in enumerate(value):
            try:
                found.append(self.item.read(intern(item) if type(item) is str else item))
            except RefusedError as refused:
                raise RefusedError(f"[{i}]{refused}") from None
        return tuple(found)

    def write(self, values: Any) -> list[Any]:
        return [self.item.write(value) for value in values]


@dataclass(frozen=True)
class Record:
    """A dataclass: of each key in JSON the field, its default (`MISSING` where the key must be there) and its type."""

    kind: type
    parts: Mapping[str, tuple[str, Any, Rule | Items | Record]]

    def read(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise RefusedError(" is not an object")
        if value.keys() != self.parts.keys():
            self._check_keys(value)
        found = {}
        for key, (name, _, part) in self.parts.items():
            try:
                if key in value:
                    found[name] = part.read(value[key])
            except RefusedError as refused:
                raise RefusedError(f".{key}{refused}") from None
        return self.kind(**found)

    def _check_keys(self, value: dict[str, Any]) -> None:
        odd = self.parts.keys() ^ value.keys()
        for key in sorted(key for key in odd if key in value or self.parts[key][1] is MISSING):
            raise RefusedError(f" {'has an unknown' if key in value else 'lacks the'} key {key!r:.40}")

    def write(self, value: Any) -> dict[str, Any]:
        values = {key: (getattr(value, name), default, part) for key, (name, default, part) in self.parts.items()}
        return {key: part.write(own) for key, (own, default, part) in values.items() if own != default}


@cache
def record_of(kind: type) -> Record:
    """Return how the dataclass `kind` is stored; a field `in_` has the key "in"."""
    hints, parts = get_type_hints(kind, include_extras=True), {}
    for field in fields(kind):
        default = field.default if field.metadata.get(OPTIONAL) else MISSING
        stored = _stored(field.metadata.get(STORED_AS, hints[field.name]))
        parts[field.name.removesuffix("_")] = (field.name, default, stored)
    return Record(kind, parts)


def _stored(hint: Any) -> Rule | Items | Record:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        rule: Rule = arguments[1]
        return rule
    if origin is Literal:
        return one_of(*arguments)
    if origin is tuple:
        return Items(_stored(arguments[0]))
    return _PLAIN.get(hint) or record_of(hint)
