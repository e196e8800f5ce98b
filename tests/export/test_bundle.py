"""The one ONNX file says what `Predictor` says, and needs nothing of this package."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from distortion_heads import HeatPredictor, Prediction, Predictor
from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.errors import DataError
from distortion_heads.export.bundle import OUTPUTS, build_bundle
from distortion_heads.heads.head import Calibration, Knot, Pooling, Threshold
from distortion_heads.io.images import load_image
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import width_of
from helpers import REPOSITORY
from helpers.command_line import attach
from helpers.icc_profiles import wide
from helpers.sample_heads import make_quality_head

onnx = pytest.importorskip("onnx")

NEAR = 1e-4
EXAMPLE_RUNS = re.compile(r"```python (\w+)\n(.*?)```", re.DOTALL)


class Bundle:
    """What ten lines of a user do, with all outputs by name."""

    def __init__(self, data: bytes) -> None:
        self.session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        self.metadata = {
            name: json.loads(text) for name, text in self.session.get_modelmeta().custom_metadata_map.items()
        }

    def __call__(self, pixels: np.ndarray) -> dict[str, Any]:
        names = [output.name for output in self.session.get_outputs()]
        assert set(names) <= set(OUTPUTS)
        return dict(zip(names, self.session.run(names, {"pixels": pixels}), strict=True))


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DHEADS_HOME", str(tmp_path_factory.mktemp("home")))
        return Predictor(threads=1)


@pytest.fixture(scope="module")
def data(predictor: Predictor) -> bytes:
    return build_bundle(read_backbone(bundled_backbone().weights), predictor.heads)


@pytest.fixture(scope="module")
def bundle(data: bytes) -> Bundle:
    return Bundle(data)


def assert_same(found: dict[str, Any], expected: Prediction) -> None:
    heads, families = expected.heads, expected.families
    shares = {kind.label: kind.share for family in families for kind in family.kinds}
    others = [next(kind.share for kind in family.kinds if kind.label == "other") for family in families]
    wanted = {
        "probability": [head.probability for head in heads],
        "severity": [np.nan if head.severity is None else head.severity for head in heads],
        "share": [0.0 if head.scope == "family" else shares[head.label] for head in heads],
        "family_probability": [family.probability for family in families],
        "family_severity": [np.nan if family.severity is None else family.severity for family in families],
        "family_threshold": [family.threshold for family in families],
        "family_other_share": others,
    }
    assert found["windows"] == expected.windows
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=NEAR, rtol=0, err_msg=name)
    assert found["judged"]
    # closer to a threshold than the outputs agree, either side would do
    told = [abs(answer.probability - answer.threshold) > NEAR for answer in (*heads, *families)]
    present = [*found["present"], *found["family_present"]]
    assert [p for p, is_told in zip(present, told, strict=True) if is_told] == [
        answer.present for answer, is_told in zip((*heads, *families), told, strict=True) if is_told
    ]


def scene(width: int, height: int, seed: int = 3) -> Image.Image:
    """A smooth scene of another size each, with edges and grain; nothing around it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (9, 11, 3), dtype=np.uint8)).resize((width, height), 3)
    grain = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(300, 200).save(path, exif=exif)


def opaque(mode: str) -> Callable[[Path], None]:
    return lambda path: scene(210, 150).convert(mode).save(path)


def sixteen_bits(path: Path) -> None:
    grey = np.asarray(scene(260, 270).convert("L")).astype(np.uint16)
    Image.fromarray(grey * 257).save(path)


def floats(path: Path) -> None:
    Image.fromarray(np.asarray(scene(150, 170).convert("L")).astype(np.float32) / 255).save(path)


PICTURES: dict[str, Callable[[Path], None]] = {
    "1.png": lambda path: scene(320, 200).convert("1").save(path),
    "L.png": lambda path: scene(257, 257).convert("L").save(path),
    "LA.png": opaque("LA"),
    "P.png": lambda path: scene(200, 400).quantize(64).save(path),
    "RGB.png": lambda path: scene(640, 480).save(path),
    "RGBA.png": opaque("RGBA"),
    "CMYK.jpg": lambda path: scene(333, 222).convert("CMYK").save(path),
    "YCbCr.jpg": lambda path: scene(512, 300).convert("YCbCr").save(path, quality=60),
    "turned.jpg": turned,
    "sixteen.png": sixteen_bits,
    "float.tif": floats,
    "webp.webp": lambda path: scene(301, 299).save(path, quality=50),
    "gif.gif": lambda path: scene(128, 256).save(path),
    "bmp.bmp": lambda path: scene(129, 127).save(path),
    "smallest.png": lambda path: scene(48, 48).save(path),
    "narrow.png": lambda path: scene(50, 700).save(path),
    "wide.png": lambda path: scene(900, 64).save(path),
    "tall.png": lambda path: scene(257, 1025).save(path),
    "odd.png": lambda path: scene(511, 385).save(path),
    "large.png": lambda path: scene(1100, 600).save(path),
}


@pytest.mark.parametrize("name", PICTURES)
def test_it_answers_as_predict(bundle: Bundle, predictor: Predictor, tmp_path: Path, name: str) -> None:
    PICTURES[name](tmp_path / name)
    pixels = load_image(tmp_path / name)
    expected = predictor.predict(pixels)
    assert expected.area is None
    assert_same(bundle(pixels), expected)


@pytest.fixture(scope="module")
def located(predictor: Predictor) -> HeatPredictor:
    return HeatPredictor([head.label for head in predictor.heads], threads=1)


def test_which_maps_are_rough(bundle: Bundle) -> None:
    """Those of what is seen in the whole picture better than in its places, and no others."""
    assert set(bundle.metadata["dheads"]["heat_rough"]) == {"exposure", "light"}
    assert "atmosphere" in bundle.metadata["dheads"]["heat"]


def assert_same_maps(bundle: Bundle, found: dict[str, Any], expected: Prediction) -> None:
    for output in ("heat", "heat_rough"):
        families = bundle.metadata["dheads"][output]
        assert (output in found) == bool(families)
        for i, family in enumerate(families):
            heat, side = expected.heat(family), found[f"{output}_side"]
            assert heat.coarse == (output == "heat_rough")
            np.testing.assert_allclose(found[output][i], heat.values, atol=NEAR, rtol=0, err_msg=family)
            np.testing.assert_allclose(found[f"{output}_level"][i], heat.level, atol=NEAR, rtol=0, err_msg=family)
            rows, columns = heat.values.shape
            np.testing.assert_allclose((0, 0, columns * side[1], rows * side[0]), heat.box, rtol=1e-5)


@pytest.mark.parametrize("name", ["RGB.png", "smallest.png", "narrow.png", "wide.png", "odd.png", "long.png"])
def test_its_maps_are_those_of_predict(bundle: Bundle, located: HeatPredictor, tmp_path: Path, name: str) -> None:
    {**PICTURES, "long.png": lambda path: scene(7310, 550).save(path)}[name](tmp_path / name)  # 4,122 cells: joined
    pixels = load_image(tmp_path / name)
    assert_same_maps(bundle, bundle(pixels), located.predict(pixels))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((300, 200, 3), 77, np.uint8),
        np.asarray(scene(47, 300)),
        np.repeat(np.linspace(0, 255, 400).astype(np.uint8)[:, np.newaxis, np.newaxis], 3, 2).repeat(300, 1),
    ],
)
def test_it_says_what_shows_too_little(bundle: Bundle, predictor: Predictor, pixels: np.ndarray) -> None:
    assert not predictor.predict(pixels).judged
    assert not bundle(pixels)["judged"]


def test_it_holds_standard_operators_alone(data: bytes) -> None:
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    assert not model.functions


def test_the_metadata_name_what_the_outputs_hold(bundle: Bundle, predictor: Predictor) -> None:
    facts = bundle.metadata["dheads"]
    assert facts["schema"] == "dheads-bundle/1"
    assert facts["backbone"] == str(predictor.backbone.ref)
    assert bundle.metadata["labels"] == [head.label for head in predictor.heads] == [h["label"] for h in facts["heads"]]
    assert bundle.metadata["families"] == list(dict.fromkeys(head.family for head in predictor.heads))
    assert [head["threshold"] for head in facts["heads"]] == [head.threshold.value for head in predictor.heads]


def test_the_same_heads_give_the_same_bytes(data: bytes, predictor: Predictor) -> None:
    assert build_bundle(read_backbone(bundled_backbone().weights), predictor.heads) == data


def test_heads_of_every_build(home: Path, predictor: Predictor) -> None:
    """Kinds without a family head, of any view, pooling, precision, calibration and outputs.

    Maps by the model of places between those of families that it does not know, and without cells for it to read.
    """
    ref = predictor.backbone.ref
    attach(home, ref, "grain", family="dirt", threshold=Threshold(value=0.9))
    attach(home, ref, "dust", family="dirt", outputs=("presence",), pooling=Pooling(quantile=0.3))
    attach(home, ref, "fog_bank", family="dirt", view="overview", threshold=Threshold(value=0.0))
    attach(home, ref, "lamp", family="lamp", view="light", dim=width_of("light", ref.dim), hidden=())
    attach(
        home, ref, "far", family="lamp", calibration=Calibration(method="none"), hidden=(16, 7), outputs=("presence",)
    )
    attach(home, ref, "haze", family="haze", scope="family", threshold=Threshold(value=1.0))
    attach(home, ref, "mist", family="haze", threshold=Threshold(value=0.0))
    attach(home, ref, "glare", family="glare", scope="family", view="full", dim=width_of("full", ref.dim))
    registry = load_registry()
    for labels in (
        ["grain", "dust", "fog_bank", "lamp", "far"],
        ["mist", "haze", "far"],
        ["far"],
        ["fog_bank"],
        ["dust", "grain"],
        ["grain", "jpeg", "brighten", "far", "smoke", "haze"],
        ["smoke", "brighten"],
        ["glare"],
        ["lamp", "glare", "jpeg"],
    ):
        chosen = Predictor(labels, registry=registry, threads=1)
        made = Bundle(build_bundle(read_backbone(bundled_backbone().weights), chosen.heads))
        for pixels in (np.asarray(scene(400, 300)), np.asarray(scene(90, 100))):
            found, expected = made(pixels), HeatPredictor(labels, registry=registry, threads=1).predict(pixels)
            assert_same(found, expected)
            assert_same_maps(made, found, expected)


def knots(*pairs: tuple[float, float]) -> Calibration:
    return Calibration(method="monotone", knots=tuple(Knot(raw=raw, value=value) for raw, value in pairs))


def test_heads_of_quality(home: Path, predictor: Predictor) -> None:
    """Of every view, with and without a mixture and knots, beside other heads and alone."""
    ref = predictor.backbone.ref
    rising = knots((-3.0, 1.0), (0.0, 2.5), (0.5, 2.5), (4.0, 5.0))
    more: tuple[dict[str, Any], ...] = (
        {"view": "native", "mixture": 3},
        {"view": "overview", "calibration": rising},
        {"view": "light"},
        {"view": "full", "calibration": rising, "mixture": 2},
        {"view": "native", "calibration": knots((0.0, 3.0))},
    )
    for seed, changes in enumerate(more):
        made = make_quality_head(f"q{seed}", dim=ref.dim, backbone=ref, seed=seed, **changes)
        Store(home).save(made, overwrite=True)
    registry = load_registry()
    for labels in (["jpeg", "smoke", "q0", "q1", "q2", "q3", "q4"], ["q3"]):
        chosen = Predictor(labels, registry=registry, threads=1)
        file = read_backbone(bundled_backbone().weights)
        bundle = Bundle(build_bundle(file, chosen.heads, chosen.quality_heads))
        pixels = np.asarray(scene(700, 400))
        found, expected = bundle(pixels), chosen.predict(pixels)
        np.testing.assert_allclose(found["quality"], [q.value for q in expected.qualities], atol=NEAR, rtol=0)
        np.testing.assert_allclose(found["quality_spread"], [q.spread for q in expected.qualities], atol=NEAR, rtol=0)
        assert ("probability" in found) == (len(labels) > 1)
        scales = bundle.metadata["dheads"]["qualities"]
        assert bundle.metadata["qualities"] == [scale["label"] for scale in scales] == labels[-len(scales) :]
        assert (scales[0]["low"], scales[0]["high"], scales[0]["target"]) == (1.0, 5.0, "ratings of a.csv")


def test_no_heads_are_refused() -> None:
    with pytest.raises(DataError, match="name one with --heads"):
        build_bundle(read_backbone(bundled_backbone().weights), ())


def documented(name: str) -> str:
    return dict(EXAMPLE_RUNS.findall((REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")))[name]


def test_ten_lines_without_this_package(data: bytes, predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "dheads.onnx").write_bytes(data)
    script = documented("bundle")
    assert len(script.splitlines()) == 10
    assert "distortion_heads" not in script
    alone = f"import sys\nsys.modules.update(distortion_heads=None, dheads_cli=None)\n{script}"
    picture = REPOSITORY / "examples" / "kitten_noise.png"
    done = subprocess.run(
        [sys.executable, "-c", alone, str(picture)], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    expected = predictor.predict(picture).heads
    assert [row[0] for row in rows] == [head.label for head in expected]
    assert all(abs(float(row[1]) - head.probability) < NEAR for row, head in zip(rows, expected, strict=True))
    assert [row[2] for row in rows] == ["yes" if head.present else "no" for head in expected]


def wide_gamut(path: Path) -> None:
    scene(140, 160).save(path, icc_profile=wide("Display P3"))


def half_transparent(path: Path) -> None:
    picture = scene(140, 160).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(path)


DEEP = ("sixteen.png", "float.tif")
"""What is left to the caller: more than 8 bits."""

LOADED = {name: write for name, write in PICTURES.items() if name not in DEEP}


@pytest.mark.parametrize("name", [*LOADED, "transparent.png", "gamut.png"])
def test_the_documented_lines_load_as_predict_does(tmp_path: Path, name: str) -> None:
    {**LOADED, "transparent.png": half_transparent, "gamut.png": wide_gamut}[name](tmp_path / name)
    scope: dict[str, Any] = {}
    exec(documented("load"), scope)
    np.testing.assert_array_equal(scope["load"](tmp_path / name), load_image(tmp_path / name))
