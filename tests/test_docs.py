"""The docs name every command, option, error, public name and room, and every link in them leads somewhere."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import distortion_heads
from dheads_cli.main import build_cli
from distortion_heads import errors
from helpers import REPOSITORY

PAGES = sorted({*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *REPOSITORY.glob("plugins/*/*.md")})
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def all_docs() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def commands() -> dict[str, click.Command]:
    """Return every command by its words, those of groups too."""
    found: dict[str, click.Command] = {}

    def add(ctx: click.Context, words: str) -> None:
        assert isinstance(ctx.command, click.Group)
        for name in ctx.command.list_commands(ctx):
            command = ctx.command.get_command(ctx, name)
            assert command is not None
            found[f"{words} {name}"] = command
            if isinstance(command, click.Group):
                add(click.Context(command, parent=ctx, info_name=name), f"{words} {name}")

    with build_cli().make_context("dheads", ["--no-plugins"], resilient_parsing=True) as root:
        add(root, "dheads")
    return found


def test_the_page_of_commands_is_what_they_print() -> None:
    # In a process of its own: a command that another test called alone keeps the help option it had there.
    code = "import runpy, sys; sys.stdout.write(runpy.run_path('scripts/docs')['cli_page']())"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, check=True)
    assert text("docs/cli.md") == done.stdout.decode()


def test_every_command_and_option_is_documented() -> None:
    page = text("docs/cli.md")
    found = commands()
    assert len(found) > 12
    for words, command in found.items():
        section = page.partition(f"\n## {words}\n")[2].partition("\n## ")[0]
        assert section, words
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert any(option in section for option in parameter.opts), (words, parameter.opts)


def test_every_public_name_and_error_is_documented() -> None:
    page = text("docs/index.md")
    kinds = inspect.getmembers(errors, inspect.isclass)
    names = [*distortion_heads.__all__, *(name for name, kind in kinds if issubclass(kind, errors.DheadsError))]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_tree_of_errors_names_them_all() -> None:
    names = [name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DheadsError)]
    assert [name for name in names if name not in (errors.__doc__ or "")] == []


def test_every_room_is_in_the_architecture() -> None:
    page = text("ARCHITECTURE.md")
    rooms = [room for room in (REPOSITORY / "distortion_heads").iterdir() if (room / "__init__.py").exists()]
    modules = [file for file in (REPOSITORY / "distortion_heads").glob("*.py") if file.name != "__init__.py"]
    assert len(rooms) > 10
    assert [place.name for place in (*rooms, *modules) if f"(distortion_heads/{place.name})" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith(("http:", "https:", "#", "mailto:")):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_no_page_names_a_module_that_is_not_there() -> None:
    found = set(re.findall(r"\bdistortion_heads(?:\.[a-z_0-9]+)+", all_docs()))
    missing = []
    for name in found:
        parts = name.split(".")
        places = [REPOSITORY.joinpath(*parts[:n]) for n in (len(parts), len(parts) - 1)]
        if not any(place.is_dir() or place.with_suffix(".py").exists() for place in places if place != REPOSITORY):
            missing.append(name)
    assert missing == []
