"""The commands that plugins add to `dheads`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distortion_heads.errors import RegistryError
from distortion_heads.registry.discovery import FailureLog, LoadedPlugins, PluginFailure

if TYPE_CHECKING:
    import click


def add_commands(loaded: LoadedPlugins, cli: click.Group) -> tuple[PluginFailure, ...]:
    """Let each plugin add commands to `cli`, and undo what one does that fails or replaces a command."""
    import click

    log = FailureLog(trace=loaded.trace)
    owners = dict.fromkeys(cli.list_commands(click.Context(cli)), "dheads itself")
    for plugin in loaded.plugins:
        before = dict(cli.commands)
        count = len(log.failures)
        with log.isolate(plugin.owner, "dheads_commands"):
            plugin.call("dheads_commands", cli=cli)
            for name, command in cli.commands.items():
                if not isinstance(command, click.Command):
                    raise RegistryError(f"command {name!r} is a {type(command).__name__}, not a click.Command")
        replaced = [name for name in owners if cli.commands.get(name) is not before.get(name)]
        if replaced and len(log.failures) == count:
            log.add(plugin.owner, "conflict", f"command {replaced[0]!r} is taken by {owners[replaced[0]]}")
        if len(log.failures) > count:
            cli.commands = before
        owners.update({name: str(plugin.owner) for name in cli.commands if name not in owners})
    return tuple(log.failures)
