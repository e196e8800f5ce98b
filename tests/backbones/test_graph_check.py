"""Hostile graphs: each is refused before it is run, or fails with a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.graph_check import check_graph
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec

onnx = pytest.importorskip("onnx")
helper, numbers = onnx.helper, onnx.numpy_helper
FLOAT, INT64, BOOL, UINT8 = 1, 7, 9, 2

GRAPH = bundled_backbone().graph.read_bytes()
NAMES = frozenset(read_backbone(bundled_backbone().weights).tensors)


def constant(name: str, value: Any) -> Any:
    return numbers.from_array(np.array(value), name)


def with_nodes(nodes: Sequence[Any], *tensors: Any, domain: str = "") -> bytes:
    """The bundled graph, whose output goes as `inner` through further nodes to `moments`."""
    model = onnx.ModelProto.FromString(GRAPH)
    for node in model.graph.node:
        node.output[:] = ["inner" if name == "moments" else name for name in node.output]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensors)
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return bytes(model.SerializeToString())


def node(operator: str, *inputs: str, output: str = "moments", **attributes: Any) -> Any:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def loop() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["ci"], ["co"]), helper.make_node("Identity", ["x"], ["xo"])],
        "body",
        [helper.make_tensor_value_info(name, kind, []) for name, kind in (("i", INT64), ("ci", BOOL), ("x", FLOAT))],
        [helper.make_tensor_value_info(name, kind, []) for name, kind in (("co", BOOL), ("xo", FLOAT))],
    )
    nodes = [node("Loop", "N", "yes", "zero", output="z", body=body), node("Add", "inner", "z")]
    return with_nodes(nodes, constant("N", np.int64(2**62)), constant("yes", np.True_), constant("zero", np.float32(0)))


def external(location: str) -> bytes:
    tensor = onnx.TensorProto(name="leak", data_type=UINT8, dims=[64], data_location=1)
    tensor.external_data.add(key="location", value=location)
    nodes = [node("Cast", "leak", output="f", to=FLOAT), node("ReduceMean", "f", output="m"), node("Add", "inner", "m")]
    return with_nodes(nodes, tensor)


def huge() -> bytes:
    nodes = [
        node("ConstantOfShape", "shape", output="b"),
        node("ReduceMean", "b", output="m"),
        node("Add", "inner", "m"),
    ]
    return with_nodes(nodes, constant("shape", [3_000_000_000]))


def custom() -> bytes:
    return with_nodes([helper.make_node("MyOp", ["inner"], ["moments"], domain="evil")], domain="evil")


def with_function() -> bytes:
    model = onnx.ModelProto.FromString(GRAPH)
    function = helper.make_function("own", "F", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [])
    model.functions.append(function)
    return bytes(model.SerializeToString())


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "loop": (loop, "holds graphs|'Loop', which is not run"),
    "memory": (huge, "'ConstantOfShape', which is not run"),
    "file of the current folder": (lambda: external("leak.bin"), "wants 'leak' from a file of its own"),
    "file elsewhere": (lambda: external("/etc/passwd"), "wants 'leak' from a file of its own"),
    "operator of others": (custom, "'evil.MyOp', which is not run"),
    "functions": (with_function, "functions of its own"),
    "no graph": (lambda: b"\x08" * 1001, "is damaged: "),
    "large": (lambda: bytes(17 << 20), "larger than 16 MiB"),
}
FAILING = {
    "rank": (lambda: with_nodes([node("ReduceMean", "inner", keepdims=0)]), "gives .* for a cell"),
    "no number": (
        lambda: with_nodes([node("Mul", "inner", "nan")], constant("nan", np.float32("nan"))),
        "no finite float32",
    ),
    "much memory": (
        lambda: with_nodes(
            [node("Add", "a", "b", output="c"), node("ReduceMean", "c", output="m"), node("Add", "inner", "m")],
            constant("a", np.ones((50_000, 1), np.float32)),
            constant("b", np.ones((1, 50_000), np.float32)),
        ),
        "cannot be run on this picture|cannot open the backbone's graph",
    ),
}


def folder(tmp_path: Path, graph: bytes) -> BackboneSpec:
    path = tmp_path / "dheads_small.onnx"
    path.write_bytes(graph)
    return replace(bundled_backbone(), graph=path)


def test_our_own_graph_is_a_sound_one(tmp_path: Path) -> None:
    check_graph(GRAPH, NAMES)
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    copy = load_backbone(folder(tmp_path, GRAPH), threads=1)
    bundled = load_backbone(bundled_backbone(), threads=1)
    np.testing.assert_array_equal(copy.features(pixels, "native"), bundled.features(pixels, "native"))


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_graph_that_does_more_is_not_run(
    make: Callable[[], bytes], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leak.bin").write_bytes(bytes(64))
    with pytest.raises(BackboneError, match=reason):
        load_backbone(folder(tmp_path, make()), threads=1)


@pytest.mark.parametrize(("make", "reason"), FAILING.values(), ids=FAILING.keys())
def test_what_a_graph_gives_is_checked_as_it_is_opened(
    make: Callable[[], bytes], reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BackboneError, match=reason):
        load_backbone(folder(tmp_path, make()), threads=1)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_graphs_are_sound_or_refused(data: st.DataObject) -> None:
    mutated = bytearray(GRAPH)
    for _ in range(data.draw(st.integers(1, 5))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BackboneError):
        check_graph(bytes(mutated), NAMES)
