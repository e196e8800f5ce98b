"""Runs `dheads`, in this process (fast) or in one of its own (as a user does)."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dheads_cli.main import run
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef
from helpers.sample_heads import make_head

HANGS = 300.0
"""Seconds after which a command counts as one that hangs; a busy machine makes it slow, but not so slow."""

_STACKS = f"import faulthandler; faulthandler.dump_traceback_later({0.8 * HANGS})"
_QUIET = "from dheads_cli.output import progress; progress.EVERY = float('inf')"
COMMAND = [sys.executable, "-c", f"{_STACKS}; {_QUIET}; from dheads_cli.main import main; main()"]
"""Without the lines of progress that a busy machine brings, where ten seconds may pass anywhere.

One that hangs writes to stderr where its threads are.
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def error(self) -> str:
        """The one line on stderr beside a folder's summary, which must be one of ours."""
        (line,) = (line for line in self.err.splitlines() if not line.startswith("dheads: summary: "))
        assert line.startswith("dheads: ")
        return line


class Dheads:
    """`dheads(...)` in this process; what it writes is caught at the level of file descriptors."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str | Path) -> Result:
        self._capture.readouterr()
        code = run([str(argument) for argument in arguments])
        caught = self._capture.readouterr()
        return Result(code, caught.out, caught.err)


def subprocess_dheads(
    *arguments: str | Path, stdin: str | None = None, timeout: float = HANGS, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command; `timeout` ends what hangs, not what a busy machine makes slow."""
    try:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**os.environ, **environ},
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"hangs: {shlex.join(map(str, arguments))}\n{(error.stderr or b'').decode(errors='replace')}")


def write_picture(path: Path, seed: int = 0, side: int = 64) -> Path:
    """A random smooth picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 8, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def attach(home: Path, ref: BackboneRef, label: str, **changes: object) -> Path:
    """Give the user a head with random weights."""
    values = {"dim": ref.dim, "backbone": ref, "seed": len(label), "hidden": (16,), **changes}
    return Store(home).save(make_head(label, **values), overwrite=True)
