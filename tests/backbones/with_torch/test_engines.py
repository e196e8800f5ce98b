from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.backbones.with_torch.engines import TorchEngine, open_torch_engine

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    file = read_backbone(bundled_backbone().weights)
    return open_torch_engine(file.architecture, file.tensors, "torch")


def test_a_batch_is_what_its_pictures_are(engine: TorchEngine, photo: Pixels) -> None:
    pictures = [photo[:192, :256], photo[192:, 256:], photo[100:292, 100:356]]
    together = engine.batch_moments(pictures)
    assert together[0].dtype == np.float32
    for picture, moments in zip(pictures, together, strict=True):
        np.testing.assert_allclose(moments, engine.moments(picture), rtol=1e-3, atol=1e-4)


def test_half_precision_is_near(photo: Pixels, backbone: CellBackbone) -> None:
    """The path of a GPU, on the CPU: channels last, half-precision convolutions, moments in single precision."""
    file = read_backbone(bundled_backbone().weights)
    half = CellBackbone(file, TorchEngine(file.architecture, file.tensors, torch.device("cpu"), torch.bfloat16))
    exact, near = (b.features(photo, "native") for b in (backbone, half))
    difference = np.abs(exact - near)
    assert difference.max() > 1e-3
    assert np.quantile(difference, 0.95) < 0.1
