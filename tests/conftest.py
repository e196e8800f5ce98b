"""Shared fixtures: real pictures, a clean home, and the bundled backbone."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.onnx import NO_REPORTS
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.heads.head import HeadFile, Threshold
from distortion_heads.pipeline import Predictor
from helpers import REPOSITORY, TESTS
from helpers.installed_plugins import Site, first_on_path
from helpers.sample_heads import make_head
from helpers.video_clips import BrightnessPredictor

# How long an example takes depends on what else the machine does.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

MOST_PROCESSES = 8
"""Each imports the libraries anew and holds about a gigabyte."""


def pytest_configure() -> None:
    """Tests that import ONNX Runtime themselves report to nobody either, nor share its database."""
    os.environ.setdefault(*NO_REPORTS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """All quick tests take a process for each core; a room is done sooner in one, and slow tests want all cores."""
    whole = {Path(argument).resolve() for argument in config.args} == {TESTS.resolve()}
    if not whole or config.option.markexpr != "not slow":
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # or the threads of all processes would wait for each other's cores
    return min(os.cpu_count() or 1, MOST_PROCESSES)


@pytest.fixture(scope="session", autouse=True)
def _can_be_interrupted() -> None:
    """A shell without job control lets what it starts in the background ignore Ctrl-C, and so all that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own heads and cache."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DHEADS_HOME", str(folder))
    for name in ("DHEADS_LOAD_PLUGINS", "DHEADS_TRACE_PLUGINS", "DHEADS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(autouse=True)
def _no_hurry() -> Iterator[None]:
    """No test leaves a real-time process, as SVT-AV1 makes one of root's: it would starve all others for good."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getscheduler(0)
    yield
    assert os.sched_getscheduler(0) == before


@pytest.fixture(autouse=True)
def _no_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine ten seconds may pass anywhere, and a line on stderr would come that no test expects."""
    monkeypatch.setattr("dheads_cli.output.progress.EVERY", float("inf"))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator for one test: one that tests share gives each other numbers in another order."""
    return np.random.default_rng(4)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals from a tenth of the draws, for tests that look at the figures and not at how sure they are."""
    monkeypatch.setattr("distortion_heads.metrics.intervals.DRAWS", 50)


@pytest.fixture(scope="session")
def backbone() -> CellBackbone:
    return load_backbone(bundled_backbone(), threads=2)


@pytest.fixture(scope="session")
def examples_folder() -> Path:
    return REPOSITORY / "examples"


@pytest.fixture(scope="session")
def photo() -> NDArray[np.uint8]:
    """A smooth scene with edges and grain, 384x512."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:384, 0:512]
    scene = np.stack([120 + 80 * np.sin(x / 31), 120 + 80 * np.cos(y / 23), 120 + 60 * np.sin((x + y) / 57)], -1)
    scene[100:220, 150:330] = (200, 60, 50)
    return np.clip(scene + rng.normal(0, 8, scene.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def head() -> HeadFile:
    """A head whose threshold is 0.5."""
    return make_head("bright", family="exposure", threshold=Threshold(value=0.5))


@pytest.fixture
def brightness(head: HeadFile) -> Predictor:
    """A predictor that takes brightness for its probability."""
    return cast(Predictor, BrightnessPredictor(head))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A folder of installed plugins, first on the path."""
    with first_on_path(tmp_path / "site") as site:
        yield site
