"""A click group whose commands are imported when they are run, and whose plugins are loaded when they are needed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dheads_cli.output.console import printable
from dheads_cli.session import session_of

if TYPE_CHECKING:
    from distortion_heads.registry.discovery import PluginFailure


@dataclass(frozen=True)
class LazyCommand:
    """A command: the attribute `name` of the module `name` in the package `commands`, and its line of help."""

    name: str
    help: str

    def load(self) -> click.Command:
        command = getattr(import_module(f"dheads_cli.commands.{self.name}"), self.name)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """`lazy` commands come first, in their order; then those of plugins."""

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy
        self._failures: tuple[PluginFailure, ...] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._lazy, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self._lazy:
            return self._lazy[name].load()
        self.add_plugin_commands(ctx)
        return self.commands.get(name)

    def add_plugin_commands(self, ctx: click.Context) -> tuple[PluginFailure, ...]:
        """Let the plugins add their commands, once; return what failed."""
        if self._failures is None:
            from distortion_heads.registry.commands import add_commands

            self._failures = ()  # a plugin may look up commands while it adds its own
            self._failures = add_commands(session_of(ctx).loaded, self)
            for command in self.commands.values():
                _make_printable(command)
        return self._failures

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the short helps; those of the lazy commands are known without importing them."""
        self.add_plugin_commands(ctx)
        own = [(name, command.help) for name, command in self._lazy.items()]
        added = [
            (printable(name), printable(command.get_short_help_str(60)))
            for name, command in sorted(self.commands.items())
        ]
        for title, rows in (("Commands", own), ("Commands of plugins", added)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            self._refuse(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _refuse(self, ctx: click.Context, name: str) -> NoReturn:
        for failure in (*session_of(ctx).loaded.failures, *self.add_plugin_commands(ctx)):
            session_of(ctx).warn(str(failure))
        close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        if Path(name).exists():
            close = [f"predict {name}"]
        hint = f"; did you mean `{ctx.command_path} {close[0]}`?" if close else ""
        ctx.fail(f"no command {name!r}{hint}")


def _make_printable(command: click.Command) -> None:
    """Take from a plugin's texts what would act on a terminal; a line of `\\b` is click's own mark."""
    for part in (command, *command.params):
        for name in ("help", "short_help", "epilog"):
            if isinstance(text := getattr(part, name, None), str):
                setattr(part, name, "\n".join(_shown(line) for line in text.split("\n")))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _make_printable(below)


def _shown(line: str) -> str:
    return line if line.strip() in ("\b", "\f") else printable(line)
