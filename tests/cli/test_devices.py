"""A device that cannot compute is said once, before any picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command_line import Dheads

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("device", ["meta", "warp", "", "privateuseone", "cuda:99"])
def test_device_that_cannot_compute_is_one_line(dheads: Dheads, pictures: list[Path], device: str) -> None:
    result = dheads("predict", "--json", "--device", device, *pictures)
    assert (result.code, result.out) == (1, "")
    assert result.error.startswith(f"dheads: error: device '{device}' cannot be used (")
    assert "use cpu" in result.error


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_training_on_a_gpu_that_is_not_there_is_one_line(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("train", "--images", tmp_path, "--out", tmp_path / "run", "--device", "cuda")
    assert (result.code, result.out) == (1, "")
    assert "use --device cpu" in result.error
