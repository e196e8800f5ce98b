"""The backbone as an ONNX graph whose weights stay outside, in the backbone's safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distortion_heads.architecture import CELL, Architecture
from distortion_heads.errors import MissingExtraError

if TYPE_CHECKING:
    import onnx

OPSET = 17


def build_graph(architecture: Architecture) -> bytes:
    """Serialise the graph: input `pixels` uint8 (1, 3, H, W), H and W multiples of 32; output `moments`.

    `moments` is float32 (2 * channels, H / 32, W / 32): the mean over each cell of every level's activations, then
    their variances within each cell, in two passes, for the difference of two large sums would lose the small ones.
    Raises `MissingExtraError` without the onnx package.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise MissingExtraError("writing an ONNX graph") from None

    nodes = [helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("Mul", ["float", "input_scale"], ["scaled"])]
    nodes += [helper.make_node("Sub", ["scaled", "input_shift"], ["x"])]
    constants = [_scalar("input_scale", 4 / 255), _scalar("input_shift", 2.0)]
    external, means, variances = [], [], []
    x, stride, level = "x", 1, 0
    for i, conv in enumerate(architecture.convs):
        stride *= conv.stride
        pad = conv.kernel // 2
        weights = [f"conv{i}.weight", f"conv{i}.bias"]
        external += [_outside(weights[0], (conv.outputs, conv.inputs, conv.kernel, conv.kernel))]
        external += [_outside(weights[1], (conv.outputs,))]
        attributes: dict[str, Any] = {
            "kernel_shape": [conv.kernel] * 2,
            "strides": [conv.stride] * 2,
            "pads": [pad] * 4,
        }
        nodes.append(helper.make_node("Conv", [x, *weights], [f"c{i}"], **attributes))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        x = f"r{i}"
        if conv.level:
            side = CELL // stride
            pool: dict[str, Any] = {"kernel_shape": [side] * 2, "strides": [side] * 2}
            constants.append(_scales(f"up{level}", side))
            nodes.append(helper.make_node("AveragePool", [x], [f"m{level}"], **pool))
            nodes.append(_enlarge(f"m{level}", f"up{level}", f"e{level}"))
            nodes.append(helper.make_node("Sub", [x, f"e{level}"], [f"d{level}"]))
            nodes.append(helper.make_node("Mul", [f"d{level}", f"d{level}"], [f"s{level}"]))
            nodes.append(helper.make_node("AveragePool", [f"s{level}"], [f"q{level}"], **pool))
            means.append(f"m{level}")
            variances.append(f"q{level}")
            level += 1
    nodes.append(helper.make_node("Concat", means + variances, ["stacked"], axis=1))
    nodes.append(helper.make_node("Squeeze", ["stacked", "batch_axis"], ["moments"]))
    constants.append(helper.make_tensor("batch_axis", TensorProto.INT64, [1], [0]))
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("moments", TensorProto.FLOAT, [architecture.dim, "rows", "columns"])],
        [*constants, *external],
    )
    model = helper.make_model(graph, producer_name="distortion-heads", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return bytes(model.SerializeToString(deterministic=True))


def _scalar(name: str, value: float) -> onnx.TensorProto:
    from onnx import TensorProto, helper

    return helper.make_tensor(name, TensorProto.FLOAT, [], [value])


def _scales(name: str, side: int) -> onnx.TensorProto:
    from onnx import TensorProto, helper

    return helper.make_tensor(name, TensorProto.FLOAT, [4], [1.0, 1.0, float(side), float(side)])


def _enlarge(source: str, scales: str, target: str) -> onnx.NodeProto:
    """Repeat every cell over its pixels."""
    from onnx import helper

    modes: dict[str, Any] = {
        "mode": "nearest",
        "nearest_mode": "floor",
        "coordinate_transformation_mode": "asymmetric",
    }
    return helper.make_node("Resize", [source, "", scales], [target], **modes)


def _outside(name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    """An initializer without data; the session gets it from the safetensors file."""
    from onnx import TensorProto

    tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.safetensors")
    return tensor
