from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from distortion_heads.backbones.architecture import Architecture, Conv
from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.onnx import OnnxEngine
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.backbones.with_torch.cell_graph import build_graph


def test_the_bundled_graph_is_the_one_that_is_built() -> None:
    """If this fails, write `build_graph(architecture)` beside the bundled weights again."""
    bundled = bundled_backbone()
    built = onnx.load_from_string(build_graph(read_backbone(bundled.weights).architecture))
    assert list(onnx.load_from_string(bundled.graph.read_bytes()).graph.node) == list(built.graph.node)


@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 2), (2, 2, 2, 2, 2)])
def test_cells_of_any_number_of_activations(strides: tuple[int, ...]) -> None:
    """Mean and variance of every level, for channels that fill no block of the layout too."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    convs = tuple(
        Conv(inputs=3 if i == 0 else 5, outputs=5, stride=stride, level=True) for i, stride in enumerate(strides)
    )
    architecture = Architecture(convs=convs)
    tensors = {
        name: rng.normal(0, 0.3, shape).astype(np.float32)
        for i, c in enumerate(convs)
        for name, shape in ((f"conv{i}.weight", (5, c.inputs, 3, 3)), (f"conv{i}.bias", (5,)))
    }
    pixels = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    moments = OnnxEngine(build_graph(architecture), tensors).moments(pixels)
    x = torch.from_numpy(pixels.astype(np.float64)).permute(2, 0, 1)[None] * (4 / 255) - 2
    means, variances = [], []
    for i, c in enumerate(convs):
        weight, bias = (torch.from_numpy(tensors[f"conv{i}.{part}"].astype(np.float64)) for part in ("weight", "bias"))
        x = torch.relu(torch.nn.functional.conv2d(x, weight, bias, c.stride, 1))
        height, width = x.shape[2:]
        cells = x[0].reshape(5, 2, height // 2, 3, width // 3)
        means.append(cells.mean((2, 4)))
        variances.append(cells.var((2, 4), unbiased=False))
    np.testing.assert_allclose(moments, torch.cat(means + variances).numpy(), rtol=1e-4, atol=1e-5)
