"""A head goes into a wheel, the wheel into an environment of its own, and the answers are the same to the last bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from distortion_heads.errors import DataError
from distortion_heads.export.wheel import build_wheel
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_files
from export.conftest import Packing, own_profile
from helpers.command_line import attach

ASK = """
import json, sys
from distortion_heads import Predictor, load_registry
registry = load_registry()
registry.raise_failures()
answers = Predictor(["rain", "snow"]).predict(sys.argv[1]).heads
limits = {a.threshold for a in Predictor(["rain", "snow"], profile="dashcam").predict(sys.argv[1]).heads}
assert limits == {0.25}, limits
said = [[a.label, repr(a.probability), repr(a.severity), str(registry.head(a.label).owner)] for a in answers]
print(json.dumps(said))
"""


def test_the_wheel_installs_is_found_and_answers_the_same(
    packing: Packing, tmp_path: Path, examples_folder: Path
) -> None:
    attach(packing.home, packing.ref, "rain", license="MIT")
    attach(packing.home, packing.ref, "snow", license="MIT", view="overview")
    picture = str(examples_folder / "kitten_clean.jpg")
    before = Predictor(["rain", "snow"], threads=1).predict(picture).heads
    project = tmp_path / "project"
    write_files(
        project, packing("rain", "snow", name="dheads-weather", profile=own_profile(packing, "rain", "snow")).files
    )
    wheel = build_wheel(project)

    python = environment_with_our_packages(tmp_path / "venv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)])
    assert "No broken requirements" in run([*pip, "check"], {**os.environ, "PIP_QUIET": "0"})
    fresh = {**os.environ, "DHEADS_HOME": str(tmp_path / "nobody")}
    answers = json.loads(run([str(python), "-c", ASK, picture], fresh))
    owner = "dheads-weather 0.1.0 (weather)"
    assert answers == [[head.label, repr(head.probability), repr(head.severity), owner] for head in before]
    tests = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(project), str(project)]
    assert "4 passed" in run(tests, fresh)


def test_what_cannot_be_built_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system\n")
    with pytest.raises(DataError, match=r"cannot be built: .+") as caught:
        build_wheel(tmp_path)
    assert "\n" not in str(caught.value)


def environment_with_our_packages(folder: Path) -> Path:
    """A new environment, empty but for what this one has; the wheel alone is installed into it."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    ours = sysconfig.get_path("purelib")  # `addsitedir`, for editable installs are there by .pth files of their own
    (Path(site) / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return python


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
