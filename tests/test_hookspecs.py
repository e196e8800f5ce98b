"""The hooks are documented as they are."""

from __future__ import annotations

import inspect
import re

import pluggy
import pytest

from distortion_heads import hookspecs
from distortion_heads.registry.discovery import HOOKS, LOAD_VARIABLE, TRACE_VARIABLE
from helpers import REPOSITORY

DOCS = REPOSITORY / "docs" / "plugin-authors.md"


@pytest.fixture(scope="module")
def docs() -> str:
    return DOCS.read_text(encoding="utf-8")


def test_the_three_hooks_of_the_design_are_all_there_are() -> None:
    manager = pluggy.PluginManager("dheads")
    manager.add_hookspecs(hookspecs)
    specified = {name for name in vars(manager.hook) if getattr(manager.hook, name).has_spec()}
    assert specified == {"dheads_heads", "dheads_backbones", "dheads_commands"} == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_signature_is_in_the_docs(hook: str, docs: str) -> None:
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    assert f"\ndef {hook}{signature}\n" in docs


def test_environment_variables_are_in_the_docs(docs: str) -> None:
    assert f"`{LOAD_VARIABLE}=" in docs
    assert f"`{TRACE_VARIABLE}=" in docs


def test_examples_of_the_docs_run(docs: str) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", docs, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        if "my_package" not in example:
            exec(compile(example, str(DOCS), "exec"), {"__name__": "example"})
