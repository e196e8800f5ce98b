"""How `dheads` starts: small, and without what it does not need."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dheads_cli.main import COMMANDS
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from helpers.command_line import COMMAND, HANGS, subprocess_dheads, write_picture
from helpers.installed_plugins import Site

HEAVY = ("torch", "torchvision", "scipy", "sklearn", "onnx", "piq", "av")
PREDICT_MEGABYTES = 250


def imported(names: tuple[str, ...], *arguments: str | Path) -> list[str]:
    """Which of `names` a run of `dheads` imports."""
    code = f"""
import sys
from dheads_cli.main import run
code = run(sys.argv[1:])
print(code, *sorted({set(names)!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=HANGS
    )
    status, *found = done.stderr.split()
    assert status == "0", done.stderr
    return found


def megabytes(*command: str | Path) -> float:
    """Return the most memory of a run; a small process starts it, whose memory it inherits."""
    code = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))
"""
    whole = [sys.executable, "-c", code, *map(str, command)]
    return float(subprocess.run(whole, capture_output=True, check=True, timeout=HANGS).stdout)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("predict", "--help"), ("add-head", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported((*HEAVY, "numpy", "onnxruntime", "PIL", "rich", "dheads_plugins.jpeg"), *arguments) == []


def test_help_imports_no_command() -> None:
    modules = [f"dheads_cli.commands.{command.name}" for command in COMMANDS.values()]
    assert all(find_spec(module) for module in modules)
    assert imported(tuple(modules), "--help") == []


def test_predict_imports_neither_torch_nor_scipy_nor_rich(own_heads: tuple[str, str], tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png")
    assert imported((*HEAVY, "rich", "onnxruntime"), "predict", path) == ["onnxruntime"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource usage of a child")
def test_predict_is_small(own_heads: tuple[str, str], examples_folder: Path) -> None:
    """How fast it is a benchmark says, `benchmarks/speed.py --only start`."""
    assert megabytes(*COMMAND, "predict", examples_folder / "kitten_clean.jpg") <= PREDICT_MEGABYTES


def test_help_names_the_limit_of_the_library() -> None:
    assert f"{DEFAULT_MAX_PIXELS // 10**6} million" in " ".join(subprocess_dheads("predict", "--help").stdout.split())


def test_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert subprocess_dheads("--version").stdout == f"dheads {version('distortion-heads')}\n"


def test_every_command_in_the_help_can_show_its_own() -> None:
    page = subprocess_dheads("--help").stdout
    commands = [line.split()[0] for line in page.partition("Commands:")[2].split("\n\n")[0].splitlines() if line]
    assert {"predict", "list", "show", "add-head", "remove-head", "plugins", "train"} <= set(commands)
    for command in commands:
        done = subprocess_dheads(command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: dheads {command}")


def test_help_lists_the_commands_of_plugins_unless_they_are_not_wanted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    body = "    import click\n    cli.add_command(click.Command('greet', callback=lambda: click.echo('hello')))"
    site.install("greeter", f"@hookimpl\ndef dheads_commands(cli):\n{body}")
    site.install("broken", "raise SystemExit(7)")
    assert "greet" in subprocess_dheads("--help", PYTHONPATH=str(tmp_path)).stdout
    for order in (("--no-plugins", "--help"), ("--help", "--no-plugins")):
        assert "greet" not in subprocess_dheads(*order, PYTHONPATH=str(tmp_path)).stdout
    done = subprocess_dheads("greet", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
