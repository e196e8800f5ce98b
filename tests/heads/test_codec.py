"""Dataclasses to JSON values and back, as their annotations say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from distortion_heads.heads.codec import OPTIONAL, Numbers, RefusedError, record_of


@dataclass(frozen=True)
class Lens:
    name: str
    mount: Literal["screw", "bayonet"]
    scope: Literal["kind", "family"] = field(default="kind", metadata={OPTIONAL: True})
    in_: int = 1


@dataclass(frozen=True)
class Camera:
    lenses: tuple[Lens, ...]
    figures: Numbers


LENS = {"name": "wide", "mount": "screw", "in": 3}
CAMERA = Camera(lenses=(Lens("wide", "screw", in_=3), Lens("long", "bayonet", "family", 2)), figures={"f": 2})
STORED = {"lenses": [LENS, {"name": "long", "mount": "bayonet", "scope": "family", "in": 2}], "figures": {"f": 2.0}}


def test_both_ways() -> None:
    assert record_of(Camera).write(CAMERA) == STORED
    assert record_of(Camera).read(STORED) == CAMERA


def test_an_optional_field_at_its_default_is_left_out_and_read_as_it() -> None:
    assert "scope" not in record_of(Lens).write(CAMERA.lenses[0])
    assert record_of(Lens).read(LENS).scope == "kind"
    assert record_of(Lens).read({**LENS, "scope": "family"}).scope == "family"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scope": "all"}, ".lenses[0].scope is not one of 'kind', 'family'"),
        ({"mount": ["screw"]}, ".lenses[0].mount is not one of 'screw', 'bayonet'"),
        ({"in": 0}, ".lenses[0].in is not an integer, 1 or more"),
        ({"in_": 1}, ".lenses[0] has an unknown key 'in_'"),
        ({"name": "two\nlines"}, ".lenses[0].name is not a single line of text"),
    ],
)
def test_what_is_not_as_declared_is_refused_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        record_of(Camera).read({**STORED, "lenses": [{**LENS, **changes}]})
    assert str(caught.value) == message


def test_a_field_without_a_default_in_files_must_be_there() -> None:
    with pytest.raises(RefusedError, match=r"^\.lenses\[0\] lacks the key 'in'$"):
        record_of(Camera).read({**STORED, "lenses": [{"name": "wide", "mount": "screw"}]})
