"""The README's code runs, its commands exist, and the output that it shows is what the command prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def dheads(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dheads_cli", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
def test_python_examples_run(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    exec(compile(code, "README.md", "exec"), {"__name__": "example"})


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"\bdheads ([a-z][a-z-]+)\b", README))
    assert {"predict", "add-head", "list", "show", "plugins", "synth", "train"} <= named
    known = dheads("--help").stdout
    assert all(f"\n  {name} " in known for name in named), named


def test_the_output_shown_is_what_the_command_prints() -> None:
    """Which labels each example gets; the last digits may differ between processors."""
    shown = re.search(r"<!-- output: (.*?) -->\n```\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    program, *arguments = shlex.split(shown[1])
    assert program == "dheads"
    done = dheads(*arguments)
    assert done.returncode == 0, done.stderr
    printed = {tuple(line.split()[:2]) for line in done.stdout.splitlines()}
    assert {Path(path).name for path, _ in printed} == {p.name for p in (REPOSITORY / "examples").glob("*.[jp][pn]g")}
    for path, label in printed:
        assert Path(path).name in shown[2]
        assert label in shown[2], f"{path} gets {label}, which the README does not show"


def test_the_two_commands_are_two_lines_that_ci_runs() -> None:
    block = re.search(r"<!-- two-commands -->\n```sh\n(.*?)```\n<!-- end -->", README, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == [
        "python -m pip install -e . && dheads predict examples/",
        "python -m pip install -e '.[dev]' && pytest",
    ]
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert "readme_command 1" in script
    assert "readme_command 2" in script
