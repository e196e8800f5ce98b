"""The third-party package in plugins/template."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from distortion_heads.registry.build import build_registry
from helpers import REPOSITORY
from helpers.installed_plugins import Site

TEMPLATE = REPOSITORY / "plugins" / "template"


def test_template_makes_its_distortion(site: Site) -> None:
    owner = site.install("dheads-sepia-cast", "")
    (site.folder / "dheads_sepia_cast.py").unlink()
    (site.folder / "dheads_sepia_cast").symlink_to(TEMPLATE / "src" / "dheads_sepia_cast")
    registry = build_registry(environ={})
    assert registry.failures == ()
    head = registry.heads["sepia_cast"]
    assert head.owner == owner
    synthesize = head.spec.synthesize
    assert synthesize is not None
    image = np.random.default_rng(0).random((32, 48, 3), dtype=np.float32)
    changes = []
    for severity in (1.0, 2.0, 3.0, 4.0, 5.0):
        before = image.copy()
        result = synthesize(image, severity, np.random.default_rng(1))
        assert (result.shape, result.dtype) == (image.shape, image.dtype)
        assert 0 <= result.min() <= result.max() <= 1
        np.testing.assert_array_equal(image, before)
        np.testing.assert_array_equal(result, synthesize(image, severity, np.random.default_rng(1)))
        changes.append(float(np.abs(result - image).mean()))
    assert changes == sorted(changes)
    assert changes[0] > 0.01
    sepia = synthesize(image, 5.0, np.random.default_rng(1)).mean((0, 1))
    assert sepia[0] > sepia[1] > sepia[2]


def test_the_wheel_is_found_and_predicts(tmp_path: Path, examples_folder: Path) -> None:
    """Built as its author would, installed as pip does, discovered from its own metadata by a new process."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    copy = tmp_path / "source"
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__", "dist", "build"))
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(copy)])
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    run([*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)])
    environment = {**os.environ, "PYTHONPATH": str(site)}
    picture = str(examples_folder / "kitten_clean.jpg")
    dheads = [sys.executable, "-m", "dheads_cli"]
    listed = [json.loads(line) for line in run([*dheads, "plugins", "--json"], environment).splitlines()]
    assert any(plugin.get("distribution") == "dheads-sepia-cast" for plugin in listed)
    (line,) = run([*dheads, "predict", "--json", "--heads", "sepia_cast,jpeg", picture], environment).splitlines()
    assert [head["label"] for head in json.loads(line)["heads"]] == ["sepia_cast", "jpeg"]


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
