"""Check a foreign ONNX graph before it is run: what it may hold, by a reader of protobuf of our own.

A graph is a program. Without loops, branches and random numbers, with known operators and no files but its own
weights, it ends; how much memory it may take is the engine's to limit. The field numbers are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeAlias

from distortion_heads.errors import BackboneError

MAX_GRAPH_BYTES = 16 << 20
MAX_NODES = 20_000

_OPERATORS = (
    "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant Conv "
    "ConvTranspose Cos CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Flatten Floor Gather GatherElements "
    "GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid "
    "HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LRN MatMul "
    "Max MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round "
    "Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh "
    "ThresholdedRelu TopK Transpose Trilu Unsqueeze Where Xor"
)
OPERATORS = frozenset(_OPERATORS.split())
"""Those of convolutions and attention: none runs another graph, and none makes a tensor out of a number."""

_Field: TypeAlias = "tuple[int, int | memoryview]"

_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_OPERATOR, _ATTRIBUTE, _DOMAIN = 4, 5, 7
_TENSOR, _SUBGRAPHS = 5, (6, 11, 22, 23)
_NAME, _EXTERNAL_DATA, _LOCATION = 8, 13, 14
_DOMAINS = ("", "ai.onnx")


def check_graph(graph: bytes, weights: Collection[str]) -> None:
    """Raise `BackboneError` for a graph that could do more than compute features from the weights of these names."""
    if len(graph) > MAX_GRAPH_BYTES:
        raise BackboneError(f"the backbone's graph is larger than {MAX_GRAPH_BYTES >> 20} MiB")
    try:
        for number, value in _fields(memoryview(graph)):
            if number in (_TRAINING, _FUNCTIONS):
                raise BackboneError("the backbone's graph brings functions of its own, which are not run")
            if number == _GRAPH:
                _check(_message(value), weights)
    except ValueError as error:
        raise BackboneError(f"the backbone's graph is damaged: {error}") from None


def _check(graph: memoryview, weights: Collection[str]) -> None:
    nodes = 0
    for number, value in _fields(graph):
        if number == _NODE:
            nodes += 1
            if nodes > MAX_NODES:
                raise BackboneError(f"the backbone's graph has more than {MAX_NODES} nodes")
            _check_node(_message(value))
        elif number == _INITIALIZER:
            _check_tensor(_message(value), weights)
        elif number == _SPARSE:
            raise BackboneError("the backbone's graph has sparse tensors, which are not read")


def _check_node(node: memoryview) -> None:
    operator = domain = ""
    for number, value in _fields(node):
        if number == _OPERATOR:
            operator = _text(value)
        elif number == _DOMAIN:
            domain = _text(value)
        elif number == _ATTRIBUTE:
            _check_attribute(_message(value))
    if operator not in OPERATORS or domain not in _DOMAINS:
        shown = ascii(f"{domain}.{operator}".lstrip("."))[:60]
        raise BackboneError(f"the backbone's graph uses the operator {shown}, which is not run")


def _check_attribute(attribute: memoryview) -> None:
    for number, value in _fields(attribute):
        if number in _SUBGRAPHS:
            raise BackboneError("the backbone's graph holds graphs or sparse tensors in its nodes, which are not run")
        if number == _TENSOR:
            _check_tensor(_message(value), ())


def _check_tensor(tensor: memoryview, weights: Collection[str]) -> None:
    name, is_external = "", False
    for number, value in _fields(tensor):
        if number == _NAME:
            name = _text(value)
        elif number == _EXTERNAL_DATA or (number == _LOCATION and value != 0):
            is_external = True
    if is_external and name not in weights:
        raise BackboneError(f"the backbone's graph wants {ascii(name)[:60]} from a file of its own, which is not read")


def _fields(data: memoryview) -> Iterator[_Field]:
    """Yield number and value of each field of a message: an integer, or the bytes of what has a length."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if at + size > len(data):
            raise ValueError("it ends too early")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("it ends too early")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number of more than 10 bytes")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message is wanted")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")
