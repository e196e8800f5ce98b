"""What other programs may rely on; a change here is a change of the public interface."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

import distortion_heads
from distortion_heads.training.heads.add_head import AddHeadRequest
from helpers import TESTS

PUBLIC = frozenset((TESTS / "public_names.txt").read_text().split())


def test_the_public_names_are_these() -> None:
    assert set(distortion_heads.__all__) == PUBLIC
    assert len(distortion_heads.__all__) == len(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_resolves_and_says_what_it_is(name: str) -> None:
    value = getattr(distortion_heads, name)
    assert name == "hookimpl" or (value.__name__ == name and inspect.getdoc(value))


def test_no_other_name_resolves() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = distortion_heads.no_such_name


def test_importing_the_package_imports_none_of_them() -> None:
    code = (
        "import sys, distortion_heads; print([m for m in sys.modules if m.startswith(('distortion_heads.', 'numpy'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "[]\n"


def test_add_head_takes_all_that_can_be_asked_for() -> None:
    taken = inspect.signature(distortion_heads.add_head).parameters
    assert taken.keys() - {"progress"} == {field.name for field in fields(AddHeadRequest)}


def test_the_registry_of_the_docs_is_that_of_the_library() -> None:
    from distortion_heads import registry
    from distortion_heads.registry.build import Registry, build_registry

    assert (registry.Registry, registry.build_registry) == (Registry, build_registry)
    with pytest.raises(AttributeError, match="has no attribute 'Registree'"):
        _ = registry.Registree
