"""The network of MEON: its size, its divisive normalisation, and its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads._system.atomic import write_atomic
from distortion_heads.backbones.files import read_patch_backbone
from distortion_heads.backbones.open import load_patch_backbone
from distortion_heads.backbones.with_torch.meon import BETA_FLOOR, VARIANTS, Gdn, Meon, Places, fused
from distortion_heads.backbones.with_torch.patch_network import new_meon, patch_network
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec


def size(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(("types", "stored", "published"), [(5, 149_906, 106_478), (16, 154_152, 110_724)])
def test_it_has_as_many_numbers_as_the_paper_says(types: int, stored: int, published: int) -> None:
    network = Meon(types, VARIANTS["meon"])
    assert size(network) == stored
    doubled = sum(m.gamma.numel() - len(m.beta) for m in network.modules() if isinstance(m, Gdn)) // 2
    assert stored - doubled == published  # which counts a symmetric gamma once


def test_the_gradients_are_those_of_the_formula() -> None:
    gdn = Gdn(4).double()
    with torch.no_grad():
        gdn.beta.copy_(torch.rand(4) + 0.5)
        gdn.gamma.copy_(torch.rand(4, 4))
    x = torch.randn(4, dtype=torch.float64).requires_grad_()
    d = gdn.beta + gdn.gamma @ x**2
    for i in range(4):
        out = x[i] / d[i].sqrt()  # the layer itself answers in single precision
        by_x, by_beta, by_gamma = torch.autograd.grad(out, (x, gdn.beta, gdn.gamma), retain_graph=True)
        expected = -gdn.gamma[i] * x[i] * x / d[i] ** 1.5
        expected[i] = (d[i] - gdn.gamma[i, i] * x[i] ** 2) / d[i] ** 1.5
        torch.testing.assert_close(by_x, expected)
        torch.testing.assert_close(by_beta[i], -x[i] / (2 * d[i] ** 1.5))
        torch.testing.assert_close(by_gamma[i], -x[i] * x**2 / (2 * d[i] ** 1.5))


def test_the_layer_and_its_gradients_follow_the_formula_at_every_position() -> None:
    torch.manual_seed(0)
    gdn, x = Gdn(3), torch.randn(2, 3, 4, 5, requires_grad=True)
    with torch.no_grad():
        gdn.gamma.copy_(torch.rand(3, 3))
    found = gdn(x)
    d = gdn.beta[:, None, None] + torch.einsum("ij,bjhw->bihw", gdn.gamma, x**2)
    torch.testing.assert_close(found, x / d.sqrt())
    weight = torch.randn_like(found)
    ours = torch.autograd.grad((found * weight).sum(), (x, gdn.beta, gdn.gamma))
    by_beta = (-x / (2 * d**1.5) * weight).sum((0, 2, 3))
    by_gamma = torch.einsum("bihw,bjhw->ij", -x / (2 * d**1.5) * weight, x**2)
    by_x = weight / d.sqrt() - x * torch.einsum("ij,bihw->bjhw", gdn.gamma, weight * x / d**1.5)
    for one, other in zip(ours, (by_x, by_beta, by_gamma), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_nothing_divided_by_nothing_is_nothing() -> None:
    gdn = Gdn(2)
    with torch.no_grad():
        gdn.beta.fill_(-1)
    gdn.project()
    assert torch.equal(gdn(torch.zeros(1, 2, 1, 1)), torch.zeros(1, 2, 1, 1))


def test_projection_makes_gamma_symmetric_and_nothing_negative() -> None:
    network = Meon(3, VARIANTS["meon"])
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value))
    network.project()
    layers = [module for module in network.modules() if isinstance(module, Gdn)]
    assert len(layers) == 6
    for layer in layers:
        assert (layer.beta >= BETA_FLOOR).all()
        assert (layer.gamma >= 0).all()
        assert torch.equal(layer.gamma, layer.gamma.T)


def test_the_logits_against_the_others_are_those_of_the_probabilities() -> None:
    network = Meon(5, VARIANTS["meon"]).eval()
    out = network(255 * torch.rand(3, 3, 256, 256))[:, :, 0, 0]
    places = Places.of(out.shape[1], 5)
    torch.testing.assert_close(out[:, places.against_others].sigmoid(), out[:, places.logits].softmax(1))
    assert places.shared == 64


def test_quality_is_the_score_that_is_expected_and_grows_with_each_score() -> None:
    logits, scores = torch.randn(4, 5), torch.randn(4, 5)
    swapped = [4, 0, 1, 2, 3]
    torch.testing.assert_close(fused(logits, scores), fused(logits[:, swapped], scores[:, swapped]))
    assert (fused(logits, scores + torch.eye(5)[:4]) > fused(logits, scores)).all()
    sure = torch.full((4, 5), -50.0)
    sure[:, 2] = 50
    torch.testing.assert_close(fused(sure, scores), scores[:, 2])


@pytest.mark.parametrize("name", VARIANTS)
def test_onnx_and_the_network_of_the_file_answer_as_torch_does(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = new_meon(name, 4).eval()
    spec = BackboneSpec(name=name, weights=tmp_path / "meon.safetensors", graph=tmp_path / "meon.onnx")
    for file, data in zip((spec.weights, spec.graph), network.files({}), strict=True):
        write_atomic(Path(str(file)), data)
    patches = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8)
    patches[1] = 0  # where a normalisation could divide by nothing
    with torch.no_grad():
        expected = network(torch.from_numpy(patches.transpose(0, 3, 1, 2).copy())).numpy()
    backbone = load_patch_backbone(spec)
    found = np.concatenate([backbone.features(patch, "native") for patch in patches])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    rebuilt = patch_network(spec, read_patch_backbone(spec.weights)).eval()
    with torch.no_grad():
        again = rebuilt(torch.from_numpy(patches.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_array_equal(again, expected)


def test_a_file_of_an_unknown_network_is_refused(tmp_path: Path) -> None:
    network = new_meon("meon", 3)
    network.network["name"] = "meon_of_tomorrow"
    spec = BackboneSpec(name="meon", weights=tmp_path / "meon.safetensors", graph=tmp_path / "meon.onnx")
    write_atomic(tmp_path / "meon.safetensors", network.files({})[0])
    with pytest.raises(BackboneError, match="no network of MEON"):
        patch_network(spec, read_patch_backbone(spec.weights))
