"""The page of formats names tests that there are."""

from __future__ import annotations

import ast
import re

from distortion_heads.io.inputs import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from helpers import REPOSITORY

PAGE = REPOSITORY / "docs" / "formats.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_row_names_a_test_that_there_is() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| --- ", "| what "))]
    named = [match.groups() for row in rows if (match := NAMED.search(row))]
    assert len(named) == len(rows) >= 20
    for file, name in named:
        tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"


def test_every_suffix_that_counts_in_a_folder_is_named() -> None:
    listed = PAGE.read_text(encoding="utf-8").partition("Names that count as pictures")[2].partition("## ")[0]
    pictures, _, videos = listed.partition("As videos")
    suffix = re.compile(r"`(\.\w+)`")
    assert set(suffix.findall(pictures)) == IMAGE_SUFFIXES
    assert set(suffix.findall(videos.partition("Sound")[0])) == VIDEO_SUFFIXES
