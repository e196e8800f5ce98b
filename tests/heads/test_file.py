from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from distortion_heads.errors import BackboneMismatchError, HeadFileError, HeadSchemaError, HeadTensorError
from distortion_heads.heads.file import (
    DEFAULT_HEAD_BYTES,
    MAX_FILE_BYTES,
    check_backbone,
    dump_head,
    parse_head,
    read_head,
)
from distortion_heads.heads.head import Calibration, HeadMetrics, Layer, Pooling, Provenance, Threshold
from distortion_heads.spec import BackboneRef
from helpers import TESTS
from helpers.sample_heads import FINGERPRINT, make_head, make_layers, same

VALID = dump_head(make_head())
HEADER_BYTES = 8 + int.from_bytes(VALID[:8], "little")
METADATA: dict[str, Any] = json.loads(json.loads(VALID[8:HEADER_BYTES])["__metadata__"]["dheads"])
TENSORS = load(VALID)


def rebuilt(metadata: object = METADATA, tensors: dict[str, Any] = TENSORS) -> bytes:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return save(tensors, metadata={"dheads": text})


lines = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)
fractions = st.floats(0, 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**9)
calibrations = st.one_of(
    st.just(Calibration()),
    st.builds(lambda a: Calibration(method="temperature", params={"scale": a}), finite),
    st.builds(lambda a, b: Calibration(method="platt", params={"scale": a, "offset": b}), finite, finite),
)
figures = st.none() | fractions
metrics = st.builds(
    HeadMetrics, split=lines, n=counts, auroc=figures, ap=figures, f1=figures, ece=figures, fpr_clean=figures
)
provenances = st.builds(
    Provenance,
    data=st.text(),
    data_sha256=lines,
    n_pos=counts,
    n_neg=counts,
    seed=st.integers(),
    command=st.text(),
    versions=st.dictionaries(st.text(), st.text(), max_size=3),
    image_licenses=st.lists(st.text(), max_size=3).map(tuple),
)
labels = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
heads = st.builds(
    make_head,
    label=labels,
    dim=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 5), max_size=3),
    seed=st.integers(0, 99),
    outputs=st.sampled_from([("presence",), ("presence", "severity")]),
    title=lines,
    family=lines,
    view=st.sampled_from(["native", "overview"]),
    calibration=calibrations,
    threshold=st.builds(Threshold, value=fractions, objective=lines),
    metrics=metrics,
    provenance=provenances,
    pooling=st.none() | st.builds(Pooling, quantile=st.floats(0, 1, exclude_min=True)),
) | labels.map(lambda family: make_head(family, family=family, scope="family"))


@settings(max_examples=60, deadline=None)
@given(heads, st.sampled_from(["float16", "float32"]))
def test_a_head_comes_back_as_it_was(head: Any, dtype: Any) -> None:
    data = dump_head(head, dtype)
    back = parse_head(data, "x")
    assert same(head, back)
    assert dump_head(back, dtype) == data


def test_scope_and_pooling_are_written_only_where_they_say_something() -> None:
    assert not METADATA.keys() & {"scope", "pooling"}
    old = parse_head(VALID, "x")
    assert (old.scope, old.pooling) == ("kind", None)
    family = dump_head(make_head("noise", scope="family", pooling=Pooling(quantile=0.25)))
    written = json.loads(json.loads(family[8 : 8 + int.from_bytes(family[:8], "little")])["__metadata__"]["dheads"])
    assert (written["scope"], written["pooling"]) == ("family", {"quantile": 0.25})


def test_the_bytes_depend_on_the_head_alone() -> None:
    versions = dict.fromkeys(("torch", "numpy", "onnx", "scipy"), "1")
    backwards = dict(reversed(versions.items()))
    first, second = (
        dump_head(make_head(provenance=replace(make_head().provenance, versions=v))) for v in (versions, backwards)
    )
    assert first == second
    script = (
        "import sys, distortion_heads.heads.file as weights\nfrom helpers import sample_heads\n"
        "sys.stdout.buffer.write(weights.dump_head(sample_heads.make_head()))"
    )
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(TESTS)}
        assert subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True).stdout == VALID


def test_float16_is_the_default_and_rounds() -> None:
    layers = make_layers((12, 5, 2))
    third = replace(layers[0], weight=np.full_like(layers[0].weight, 1 / 3))
    head = make_head(layers=(third, layers[1]))
    assert parse_head(dump_head(head), "x").layers[0].weight[0, 0] == np.float32(np.float16(1 / 3))
    assert parse_head(dump_head(head, "float32"), "x").layers[0].weight[0, 0] == np.float32(1 / 3)
    assert len(dump_head(head, "float32")) - len(dump_head(head)) == pytest.approx(2 * (12 * 5 + 5 + 5 * 2 + 2), abs=16)


def test_paths_that_are_no_utf8_are_stored_so_that_they_can_be_printed() -> None:
    provenance = replace(make_head().provenance, data="caf\udce9", command="dheads add-head x --data 'caf\udce9'")
    back = parse_head(dump_head(make_head(provenance=provenance)), "x").provenance
    assert (back.data, back.command) == (r"caf\udce9", r"dheads add-head x --data 'caf\udce9'")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"label": "White noise"}, HeadSchemaError),
        ({"schema": "dheads/9"}, HeadSchemaError),
        ({"title": None}, HeadSchemaError),
        ({"outputs": ("severity",), "layers": make_layers((12, 1))}, HeadSchemaError),
        ({"layers": make_layers((11, 2))}, HeadSchemaError),
        ({"layers": make_layers((12, 3))}, HeadSchemaError),
        ({"layers": make_layers((12, 4))[:1] + make_layers((5, 2))}, HeadSchemaError),
        ({"layers": ()}, HeadSchemaError),
        ({"metrics": HeadMetrics(split="x", n=3, auroc=float("nan"))}, HeadSchemaError),
        ({"threshold": Threshold(value=1.5)}, HeadSchemaError),
        ({"calibration": Calibration(method="temperature", params={"scale": 1, "offset": 1})}, HeadSchemaError),
    ],
)
def test_nothing_is_dumped_that_could_not_be_loaded(changes: Any, error: type[HeadFileError]) -> None:
    with pytest.raises(error, match=r"[Ww]hite.noise"):
        dump_head(make_head(**changes))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_weights_that_float16_cannot_hold_are_not_dumped(value: float) -> None:
    layer = make_layers((12, 2))[0]
    layer.weight[1, 2] = value
    with pytest.raises(HeadTensorError, match=r"layers\.0\.weight.*not finite"):
        dump_head(make_head(layers=(layer,)))


def test_a_bias_of_another_length_is_not_dumped() -> None:
    layer = Layer(weight=np.zeros((2, 12), np.float32), bias=np.zeros(3, np.float32), activation="identity")
    with pytest.raises(HeadTensorError, match=r"layers\.0\.bias.*\(3,\).*\(2,\)"):
        dump_head(make_head(layers=(layer,)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        pickle.dumps({"layers.0.weight": [1.0]}),
        b"PK\x03\x04" + bytes(200),
        VALID[:HEADER_BYTES],
        VALID[:-1],
        VALID + b"\0",
        bytes(MAX_FILE_BYTES + 1),
    ],
    ids=["empty", "zeros", "pickle", "zip", "header only", "truncated", "longer", "huge"],
)
def test_another_kind_of_file_is_refused(data: bytes) -> None:
    with pytest.raises(HeadFileError, match=r"^mine\.safetensors: ") as caught:
        parse_head(data, "mine.safetensors")
    assert type(caught.value) is HeadFileError
    assert "\n" not in str(caught.value)


def test_safetensors_of_something_else_are_refused() -> None:
    for metadata in (None, {"format": "pt"}):
        with pytest.raises(HeadSchemaError, match="no head file"):
            parse_head(save(TENSORS, metadata=metadata), "x")


def at(*path: Any) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    """A change of the metadata: the value at `path`, or `DELETE`d."""

    def to(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(metadata: Any) -> None:
            for key in path[:-1]:
                metadata = metadata[key]
            if value is DELETE:
                del metadata[path[-1]]
            else:
                metadata[path[-1]] = value

        return change

    return to


DELETE = object()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (at("schema")("dheads/2"), "schema is 'dheads/2'.*reads 'dheads/1'"),
        (at("schema")(DELETE), "schema is None"),
        (at("label")("Not A Label"), "no identifier"),
        (at("label")(3), "metadata.label is not"),
        (at("title")("two\nlines"), "metadata.title is not a single line"),
        (at("title")("\x1b[31mred"), "metadata.title is not a single line"),
        (at("title")("\ud800"), "no valid JSON"),
        (at("license")(DELETE), "lacks the key 'license'"),
        (at("licence")("MIT"), "unknown key 'licence'"),
        (at("view")("zoom"), "metadata.view is not one of 'native', 'overview'"),
        (at("scope")("genus"), "metadata.scope is not one of 'kind', 'family'"),
        (at("scope")(None), "metadata.scope is not one of 'kind', 'family'"),
        (at("scope")("family"), "a head of the scope 'family' is labelled 'noise', as its family"),
        (at("pooling")("mean"), "metadata.pooling is not an object"),
        (at("pooling")({}), "metadata.pooling lacks the key 'quantile'"),
        (at("pooling")({"quantile": 0}), "metadata.pooling.quantile is not a number above 0"),
        (at("pooling")({"quantile": 1.01}), "metadata.pooling.quantile is not a number above 0"),
        (at("pooling")({"quantile": True}), "metadata.pooling.quantile is not a number above 0"),
        (at("pooling")({"quantile": 0.5, "of": "windows"}), "metadata.pooling has an unknown key 'of'"),
        (at("backbone")([]), "metadata.backbone is not an object"),
        (at("backbone", "dim")(12.0), "metadata.backbone.dim is not an integer"),
        (at("backbone", "dim")(True), "metadata.backbone.dim is not an integer"),
        (at("backbone", "fingerprint")(DELETE), "metadata.backbone lacks the key 'fingerprint'"),
        (at("layers")({}), "metadata.layers is not a list"),
        (at("layers")([]), "layers"),
        (at("layers", 0, "activation")("softmax"), r"metadata.layers\[0\].activation is not one of"),
        (at("layers", 1, "in")(0), r"metadata.layers\[1\].in is not an integer, 1 or more"),
        (at("layers", 1, "code")("import os"), "unknown key 'code'"),
        (at("outputs")(["severity", "presence"]), "metadata.outputs is not one of"),
        (at("outputs")([]), "metadata.outputs"),
        (at("outputs")(["presence"]), "12 features to 1 outputs"),
        (at("backbone", "dim")(13), "13 features to 2 outputs"),
        (at("calibration", "method")("isotonic"), "metadata.calibration.method"),
        (at("calibration", "params")({"scale": "1"}), "metadata.calibration.params is not an object of finite numbers"),
        (at("calibration", "params", "bias")(1), "'platt' has no parameter 'bias'"),
        (at("threshold", "value")(None), "metadata.threshold.value is not a number"),
        (at("threshold", "value")(-0.1), "metadata.threshold.value is not a number"),
        (at("metrics", "auroc")("0.9"), "metadata.metrics.auroc"),
        (at("metrics", "n")(-1), "metadata.metrics.n"),
        (at("provenance", "seed")("7"), "metadata.provenance.seed"),
        (at("provenance", "versions")({"numpy": 2}), "metadata.provenance.versions"),
        (at("provenance", "image_licenses")(["CC0", None]), r"metadata.provenance.image_licenses\[1\]"),
    ],
)
def test_wrong_metadata_is_refused_by_name(change: Callable[[Any], None], message: str) -> None:
    metadata = copy.deepcopy(METADATA)
    change(metadata)
    with pytest.raises(HeadSchemaError, match=message) as caught:
        parse_head(rebuilt(metadata), "x")
    assert "\n" not in str(caught.value)


TEXT = json.dumps(METADATA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        TEXT.replace('"value": 0.4', '"value": NaN'),
        TEXT.replace('"offset": -0.25', '"offset": 1e999'),
        TEXT.replace('"offset": -0.25', '"offset": 1' + "0" * 400),
        TEXT.replace('"n": 40', '"n": ' + "9" * 5000),
        TEXT.replace('"n": 40', '"n": 40, "n": 41'),
    ],
    ids=["empty", "half", "list", "null", "deep", "nan", "inf", "huge", "digits", "twice"],
)
def test_json_that_is_not_plain_is_refused(text: str) -> None:
    assert text != TEXT
    with pytest.raises(HeadSchemaError):
        parse_head(rebuilt(text), "x")


def test_rebuilding_a_file_keeps_it_valid() -> None:
    """So that the refusals above and below have one reason only."""
    assert same(parse_head(rebuilt(), "x"), make_head())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers.0.bias": None}, r"lacks the tensor 'layers\.0\.bias'"),
        ({"layers.2.weight": np.zeros((2, 2), np.float16)}, r"extra tensor 'layers\.2\.weight'"),
        ({"layers.0.weight": np.zeros((12, 5), np.float16)}, r"shape \(12, 5\), but \(5, 12\) is declared"),
        ({"layers.1.bias": np.zeros((2, 1), np.float16)}, r"shape \(2, 1\), but \(2,\)"),
        ({"layers.1.bias": np.zeros(2, np.float64)}, "is F64, not float16"),
        ({"layers.1.bias": np.zeros(2, np.int16)}, "is I16, not float16"),
        ({"layers.1.bias": np.array([0, np.nan], np.float16)}, "not finite"),
        ({"layers.1.bias": np.array([np.inf, 0], np.float32)}, "not finite"),
    ],
)
def test_wrong_tensors_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    tensors = {name: value for name, value in {**TENSORS, **changes}.items() if value is not None}
    with pytest.raises(HeadTensorError, match=message):
        parse_head(rebuilt(tensors=tensors), "x")


def refused_or_read(data: bytes) -> None:
    with suppress(HeadFileError):
        parse_head(data, "x")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=8), st.data())
def test_damaged_bytes_are_refused_or_read(edits: list[tuple[int, int]], data: st.DataObject) -> None:
    damaged = bytearray(VALID)
    for place, value in edits:
        damaged[place] = value
    cut = data.draw(st.none() | st.integers(0, len(VALID)))
    refused_or_read(bytes(damaged[:cut]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(places(METADATA)[1:]), json_values)
def test_any_value_anywhere_is_refused_or_read(place: tuple[Any, ...], value: Any) -> None:
    metadata = copy.deepcopy(METADATA)
    at(*place)(value)(metadata)
    refused_or_read(rebuilt(metadata))


def test_read_head_reads_paths_and_resources(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(VALID)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.safetensors", VALID)
    assert same(read_head(tmp_path / "a.safetensors"), make_head())
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert same(read_head(zipfile.Path(archive, "a.safetensors")), make_head())


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file"), ("folder", "Is a directory"), ("a/b", "Not a")])
def test_read_head_of_no_file(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_bytes(VALID)
    with pytest.raises(HeadFileError, match=f"cannot be read: {reason}"):
        read_head(tmp_path / name)


def test_read_head_reads_a_head_larger_than_usual(tmp_path: Path) -> None:
    head = make_head(dim=2048, hidden=(128,))
    data = dump_head(head)
    assert len(data) > DEFAULT_HEAD_BYTES
    (tmp_path / "large.safetensors").write_bytes(data)
    assert same(read_head(tmp_path / "large.safetensors"), parse_head(data, "large"))


def test_read_head_stops_reading_at_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as stream:
        stream.truncate(10 * 2**30)  # sparse
    with pytest.raises(HeadFileError, match="larger than 64 MiB"):
        read_head(tmp_path / "big")


def test_another_backbone_is_refused_with_both_fingerprints() -> None:
    ref = BackboneRef(name="tiny", fingerprint=FINGERPRINT, dim=12)
    check_backbone(make_head(), ref, "x")
    other = replace(ref, fingerprint="f" * 64)
    with pytest.raises(BackboneMismatchError, match=f"x: .*{FINGERPRINT}.*{'f' * 64}"):
        check_backbone(make_head(), other, "x")
    with pytest.raises(BackboneMismatchError, match=r"12 features.*13 features"):
        check_backbone(make_head(), replace(ref, dim=13), "x")


def test_the_metadata_is_canonical_and_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(VALID)
    with safetensors.safe_open(tmp_path / "a", "numpy") as file:
        metadata = file.metadata()
    assert list(metadata) == ["dheads"]
    assert metadata["dheads"] == json.dumps(json.loads(metadata["dheads"]), sort_keys=True, separators=(",", ":"))
