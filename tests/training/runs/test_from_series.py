"""`dheads train --quality` on a few little pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from distortion_heads.errors import DataError
from distortion_heads.heads.file import read_head
from distortion_heads.registry.build import build_registry
from distortion_heads.training.runs.from_series import KIND_SHARE, QualityOptions, train_quality
from helpers.command_line import Dheads
from helpers.little_pictures import save, scene


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    for seed in range(10):
        save(tmp_path / "clean" / f"scene{seed:03d}.png", scene(seed, 160))
    return tmp_path / "clean"


@pytest.mark.usefixtures("few_draws")
def test_a_head_is_fitted_and_a_second_run_goes_on_from_the_samples(clean: Path, tmp_path: Path) -> None:
    specs = [head.spec for head in build_registry().heads.values()]
    seen: list[str] = []
    options = QualityOptions(
        images=clean,
        out=tmp_path / "out",
        fit_pictures=130,
        hold_pictures=50,
        report=lambda stage, done, total: seen.append(f"{stage} {done}"),
    )
    head, spread = train_quality(options, specs)
    assert (head.label, head.view, head.outputs, head.scope) == ("quality", "full", ("quality",), "quality")
    assert head.metrics.n == 50
    assert spread.mae is not None
    assert read_head(tmp_path / "out" / "heads" / "quality.safetensors").metrics == head.metrics
    made = sorted(file.name.split("-")[0] for file in (tmp_path / "out" / "samples").iterdir())
    assert made == ["fit", "fit", "hold", "kinds"]
    assert pytest.approx(50 / 130) == KIND_SHARE
    seen.clear()
    again, _ = train_quality(options, specs)
    assert again.metrics == head.metrics
    assert not any("samples" in step and step.endswith(" 0") for step in seen)


def test_without_a_head_of_quality_there_is_nothing_to_fit(clean: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to fit"):
        train_quality(QualityOptions(images=clean, out=tmp_path / "out"), [])


@pytest.fixture
def dheads(capfd: pytest.CaptureFixture[str]) -> Dheads:
    return Dheads(capfd)


def test_the_options_are_checked(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("train", "--quality", "--out", tmp_path / "out")
    assert (result.code, "--images DIR" in result.err) == (2, True)
    both = dheads("train", "--quality", "--families", "--images", tmp_path, "--out", tmp_path / "out")
    assert both.code == 2
