"""`dheads export --bundle`."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from helpers.command_line import Dheads

pytest.importorskip("onnx")


@pytest.fixture
def dheads(capfd: pytest.CaptureFixture[str]) -> Dheads:
    return Dheads(capfd)


def test_it_writes_the_heads_that_are_asked_for(dheads: Dheads, tmp_path: Path) -> None:
    file = tmp_path / "few.onnx"
    result = dheads("export", "--bundle", file, "--heads", "jpeg, atmosphere,flicker")
    assert result.code == 0, result.err
    assert result.lines[0].startswith(f"wrote {file} (")
    assert "3 heads of dheads_small@" in result.lines[0]
    assert result.lines[1:] == ["left out, for they read successive frames of a video: flicker"]
    metadata = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    assert metadata["labels"] == '["jpeg","atmosphere","smoke"]'
    assert metadata["families"] == '["compression","atmosphere"]'
    assert [path.name for path in tmp_path.iterdir()] == ["few.onnx"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give either --out DIR or --bundle FILE"),
        (["densenet169", "--out", "x", "--bundle", "y"], 2, "give either --out DIR or --bundle FILE"),
        (["--out", "x"], 2, "--out wants the NAME of a backbone"),
        (["densenet169", "--out", "x", "--heads", "jpeg"], 2, "--heads goes with --bundle"),
        (["--bundle", "y.onnx", "--recipe", "dheads"], 2, "--weights, --recipe, --side and --stride go with --out"),
        (["--bundle", "y.onnx", "--heads", "jpg"], 2, "no head 'jpg': did you mean jpeg"),
        (["--bundle", "y.onnx", "--heads", "flicker"], 1, "a bundle needs a head that answers for single pictures"),
        (["nowhere", "--bundle", "y.onnx"], 1, "no backbone 'nowhere'"),
        (["--bundle", "missing/y.onnx", "--heads", "jpeg"], 1, "cannot write missing/y.onnx: No such file"),
    ],
)
def test_mistakes_get_one_line(
    dheads: Dheads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = dheads("export", *arguments)
    assert result.code == code
    assert message in result.error
    assert list(tmp_path.iterdir()) == []
