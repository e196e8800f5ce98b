"""The backbone as an ONNX graph whose weights stay outside, in the backbone's safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distortion_heads.backbones.architecture import QUIET, Architecture, Conv
from distortion_heads.backbones.graph_parts import Parts
from distortion_heads.errors import MissingExtraError
from distortion_heads.views.units import CELL, LUMA_PARTS

if TYPE_CHECKING:
    import onnx

OPSET = 17

DETAILS = (
    ((0.25, 0.25), (-0.25, -0.25)),
    ((0.25, -0.25), (0.25, -0.25)),
    ((0.25, -0.25), (-0.25, 0.25)),
)
"""The details of the Haar transform: the squares of the three sum to the variance within a square of 2 x 2."""

LEAST_TRANSFORMED = 8
"""Cells of at least this many activations a side are split by a Haar transform: it needs less memory, not less time."""


def build_graph(architecture: Architecture) -> bytes:
    """Serialise the graph: input `pixels` uint8 (1, 3, H, W), H and W multiples of 32; output `moments`.

    `moments` is float32 (2 * channels, H / 32, W / 32): the mean over each cell of every level's activations, then
    their variances within each cell. These are sums of squares of differences, for the difference of two large sums
    would lose the small ones. All operators but the first and last are such that ONNX Runtime keeps its blocked layout
    (NCHWc) between them; a subtraction would leave it, hence the additions of what is negated.
    Raises `MissingExtraError` without the onnx package.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise MissingExtraError("writing an ONNX graph") from None

    parts = Parts()
    stacked = add_moments(parts, "pixels", architecture)
    parts.nodes.append(helper.make_node("Squeeze", [stacked, parts.integers("batch_axis", [0])], ["moments"]))
    graph = helper.make_graph(
        parts.nodes,
        "backbone",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("moments", TensorProto.FLOAT, [architecture.dim, "rows", "columns"])],
        parts.tensors,
    )
    model = helper.make_model(graph, producer_name="distortion-heads", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return bytes(model.SerializeToString(deterministic=True))


def add_moments(parts: Parts, pixels: str, architecture: Architecture) -> str:
    """Append the backbone to a graph and return the name of its moments, (1, 2 * channels, H / 32, W / 32).

    `pixels` names a tensor (1, 3, H, W) of values in [0, 255].
    """
    means, variances = [], []
    picture = _pixels(parts, pixels)
    x, stride = picture, 1
    for i, conv in enumerate(architecture.convs):
        if conv.analysis:
            source = _luma(parts, picture) if conv.inputs == 1 else picture
            level, side = _magnitudes(parts, source, i, conv), CELL // conv.stride
        else:
            x, stride = _convolution(parts, x, i, conv), stride * conv.stride
            level, side = x, CELL // stride
        if conv.level:
            mean, variance = _moments(parts, level, conv.outputs, side)
            means.append(mean)
            variances.append(variance)
    return parts.add("Concat", *means, *variances, axis=1)


def _pixels(parts: Parts, pixels: str) -> str:
    """Grey becomes 0, which is what the first convolution pads with; its weights have the scale."""
    from onnx import TensorProto

    values = parts.add("Cast", pixels, to=TensorProto.FLOAT)
    return parts.add("Sub", values, parts.floats("grey", (), [127.5]))


def _luma(parts: Parts, picture: str) -> str:
    """A thousand times the luma, as a product of matrices: a convolution would pad one output to a block of them."""
    flat = parts.add("Reshape", picture, parts.integers("flat", [1, 3, -1]))
    luma = parts.add("MatMul", parts.floats("luma", (1, 1, 3), [float(part) for part in LUMA_PARTS]), flat)
    sides = parts.add("Shape", picture, start=2)
    shape = parts.add("Concat", parts.integers("one_plane", [1, 1]), sides, axis=0)
    return parts.add("Reshape", luma, shape)


def _convolution(parts: Parts, x: str, i: int, conv: Conv) -> str:
    weight, bias = _weights(parts, i, conv)
    return parts.add("Relu", parts.add("Conv", x, weight, bias, **_geometry(conv, conv.kernel // 2)))


def _magnitudes(parts: Parts, picture: str, i: int, conv: Conv) -> str:
    """Responses of the analysis bank to the picture, reflected at its borders, where an edge would drown all else.

    Written as what ONNX Runtime fuses with a convolution: a leaky ReLU of slope -1 gives absolute values.
    """
    pad = conv.kernel // 2
    pads = parts.integers(f"reflection{pad}", [0, 0, pad, pad, 0, 0, pad, pad])
    padded = parts.add("Pad", picture, pads, mode="reflect")
    weight, bias = _weights(parts, i, conv)
    response = parts.add("Conv", padded, weight, bias, **_geometry(conv, 0))
    sizes = parts.add("LeakyRelu", response, alpha=-1.0)
    quiet = parts.floats(f"quietx{conv.outputs}", (conv.outputs,), [-QUIET] * conv.outputs)
    return parts.add("Relu", _depthwise(parts, sizes, conv.outputs, "same", ((1.0,),), quiet))


def _weights(parts: Parts, i: int, conv: Conv) -> tuple[str, str]:
    """Those that read the picture are scaled, for it is not."""
    weight = parts.constant(_outside(f"conv{i}.weight", (conv.outputs, conv.inputs, conv.kernel, conv.kernel)))
    bias = parts.constant(_outside(f"conv{i}.bias", (conv.outputs,)))
    if conv.analysis and conv.inputs == 1:
        weight = parts.add("Mul", weight, parts.floats("luma_scale", (), [4 / 255 / sum(LUMA_PARTS)]))
    elif i == 0 or conv.analysis:
        weight = parts.add("Mul", weight, parts.floats("input_scale", (), [4 / 255]))
    return weight, bias


def _geometry(conv: Conv, pad: int) -> dict[str, Any]:
    return {"kernel_shape": [conv.kernel] * 2, "strides": [conv.stride] * 2, "pads": [pad] * 4}


def _moments(parts: Parts, x: str, channels: int, side: int) -> tuple[str, str]:
    """Means and variances of `x` over squares of `side`."""
    within = None
    if side >= LEAST_TRANSFORMED:
        details = [_squares(parts, x, channels, f"detail{k}", kernel) for k, kernel in enumerate(DETAILS)]
        energy = parts.add("Add", parts.add("Add", details[0], details[1]), details[2])
        x, side = _pool(parts, x, 2), side // 2
        within = _pool(parts, energy, side)
    mean = _pool(parts, x, side)
    negative = _depthwise(parts, mean, channels, "negative", ((-1.0,),))
    scales = parts.floats(f"enlarge{side}", (4,), [1.0, 1.0, float(side), float(side)])
    resize: dict[str, Any] = {
        "mode": "nearest",
        "nearest_mode": "floor",
        "coordinate_transformation_mode": "asymmetric",
    }
    centred = parts.add("Add", x, parts.add("Resize", negative, "", scales, **resize))
    variance = _pool(parts, parts.add("Mul", centred, centred), side)
    return mean, parts.add("Add", variance, within) if within else variance


def _squares(parts: Parts, x: str, channels: int, name: str, kernel: tuple[tuple[float, ...], ...]) -> str:
    detail = _depthwise(parts, x, channels, name, kernel)
    return parts.add("Mul", detail, detail)


def _depthwise(
    parts: Parts, x: str, channels: int, name: str, kernel: tuple[tuple[float, ...], ...], *bias: str
) -> str:
    """One small kernel on every channel, without overlap."""
    side = len(kernel)
    values = [value for row in kernel for value in row] * channels
    weight = parts.floats(f"{name}x{channels}", (channels, 1, side, side), values)
    return parts.add("Conv", x, weight, *bias, group=channels, kernel_shape=[side] * 2, strides=[side] * 2)


def _pool(parts: Parts, x: str, side: int) -> str:
    return parts.add("AveragePool", x, kernel_shape=[side] * 2, strides=[side] * 2)


def _outside(name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    """An initializer without data; the session gets it from the safetensors file."""
    from onnx import TensorProto

    tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.safetensors")
    return tensor
