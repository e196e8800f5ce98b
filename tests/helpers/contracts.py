"""What this package writes, held against its published JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from distortion_heads.reports.json_schemas import read_schema


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads(read_schema(name))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def assert_valid(name: str, value: Any) -> None:
    """Say of every place of `value` that breaks the schema what is wrong there."""
    problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator(name).iter_errors(value)]
    assert not problems, problems


def keys(name: str) -> Iterator[str]:
    """Every key that a schema names, with its place; `!` where it is always there."""

    def walk(place: str, node: Any) -> Iterator[str]:
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            yield f"{place}.{key}{'!' if key in node.get('required', ()) else ''}"
            yield from walk(f"{place}.{key}", value)
        for word in ("items", "additionalProperties"):
            yield from walk(f"{place}[]", node.get(word))
        for choice in node.get("anyOf", ()):
            yield from walk(place, choice)

    schema = validator(name).schema
    yield from walk(name, schema)
    for definition, node in schema.get("$defs", {}).items():
        yield from walk(f"{name}#{definition}", node)
