"""The commands that plugins add."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from distortion_heads.registry.commands import add_commands
from distortion_heads.registry.discovery import load_plugins
from helpers.installed_plugins import Site


def test_commands_hook(site: Site) -> None:
    site.install(
        "greeter",
        """
        import click

        @hookimpl
        def dheads_commands(cli):
            cli.add_command(click.Command("greet", callback=lambda: click.echo("hello")))
        """,
    )
    cli = click.Group()
    assert add_commands(load_plugins({}), cli) == ()
    assert CliRunner().invoke(cli, ["greet"]).output == "hello\n"


OURS = {"score2020", "submission2020"}
"""Commands of our own plugin."""


@pytest.fixture
def cli() -> click.Group:
    group = click.Group()
    group.add_command(click.Command("predict"))
    return group


def commands(body: str) -> str:
    return (
        "import click\n@hookimpl\ndef dheads_commands(cli):\n    cli.add_command(click.Command('early'))\n    " + body
    )


@pytest.mark.parametrize(
    ("body", "stage", "reason"),
    [
        ("cli.add_command(click.Command('predict'))", "conflict", "command 'predict' is taken by dheads itself"),
        ("del cli.commands['predict']", "conflict", "command 'predict' is taken by dheads itself"),
        ("raise SystemExit(1)", "dheads_commands", "called sys.exit(1)"),
        ("raise ValueError('no')", "dheads_commands", "ValueError: no"),
        ("cli.add_command(print, 'late')", "dheads_commands", "command 'late' is a builtin_function_or_method"),
    ],
)
def test_commands_of_a_broken_plugin_are_undone(
    site: Site, cli: click.Group, body: str, stage: str, reason: str
) -> None:
    predict = cli.commands["predict"]
    broken = site.install("broken", commands(body))
    site.install("good", "import click\n@hookimpl\ndef dheads_commands(cli): cli.add_command(click.Command('good'))")
    (failure,) = add_commands(load_plugins({}), cli)
    assert (failure.owner, failure.stage) == (broken, stage)
    assert failure.reason.startswith(reason)
    assert cli.commands["predict"] is predict
    assert set(cli.commands) == {"predict", "good", *OURS}


def test_command_of_another_plugin_cannot_be_taken(site: Site, cli: click.Group) -> None:
    site.install("alpha", commands("pass"))
    second = site.install("beta", commands("pass"))
    (failure,) = add_commands(load_plugins({}), cli)
    assert (failure.owner, failure.stage) == (second, "conflict")
    assert "alpha 1.0" in failure.reason


def test_command_of_a_lazy_group_cannot_be_taken(site: Site) -> None:
    class Lazy(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["predict", *self.commands]

    cli = Lazy()
    site.install("thief", commands("cli.add_command(click.Command('predict'))"))
    (failure,) = add_commands(load_plugins({}), cli)
    assert failure.stage == "conflict"
    assert set(cli.commands) == OURS
