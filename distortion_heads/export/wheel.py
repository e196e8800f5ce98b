"""Build the wheel of a package that was written."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from distortion_heads.errors import DataError, MissingExtraError


def build_wheel(folder: Path) -> Path:
    """Build the package in `folder` and return its wheel, in `folder/dist`.

    Where hatchling is installed nothing is downloaded. Raises `MissingExtraError` without `build`, and `DataError` with
    the last line of the builder's words if it fails.
    """
    if find_spec("build") is None:
        raise MissingExtraError("dheads pack --wheel")
    place = folder / "dist"
    before = set(place.glob("*.whl"))
    for wheel in before:
        wheel.unlink()
    # -P: a folder named build where the user happens to be is not the module
    command = [sys.executable, "-P", "-m", "build", "--wheel", "--outdir", str(place)]
    isolation = ["--no-isolation"] if find_spec("hatchling") is not None else []
    done = subprocess.run([*command, *isolation, str(folder)], capture_output=True, text=True, check=False)
    wheels = list(place.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        words = (done.stderr.strip() or done.stdout.strip() or "no wheel was written").splitlines()
        raise DataError(f"the wheel of {folder} cannot be built: {words[-1]}")
    return wheels[0]
