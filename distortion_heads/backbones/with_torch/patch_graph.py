"""Any patch network as an ONNX graph whose weights stay outside, in the backbone's safetensors file."""

from __future__ import annotations

import copy
import io
import warnings

import torch
from torch import nn

from distortion_heads.errors import BackboneError, MissingExtraError

OPSET = 17


def build_patch_graph(network: nn.Module, size: tuple[int, int]) -> bytes:
    """Serialise the graph: input `pixels` uint8 (K, 3, *size), output `features` float32 (K, dim), any K.

    Depends on the architecture alone, not on the weights. Raises `MissingExtraError` without the onnx package,
    `BackboneError` if torch cannot export the network.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("writing an ONNX graph") from None

    model = onnx.load_from_string(_export(_with_distinct_weights(network), size))
    names = {name for name, value in network.state_dict().items() if value.is_floating_point()}
    for tensor in model.graph.initializer:
        if tensor.name in names:
            names.remove(tensor.name)
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights.safetensors")
    if names:
        raise BackboneError(f"the exported graph does not use {len(names)} of the weights, {min(names)!r} for one")
    model.producer_version = ""
    return bytes(model.SerializeToString(deterministic=True))


def _export(network: nn.Module, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Its successor needs onnxscript, and renames the weights.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        try:
            torch.onnx.export(
                network,
                (example,),
                buffer,  # type: ignore[arg-type]
                dynamo=False,
                input_names=["pixels"],
                output_names=["features"],
                dynamic_axes={"pixels": {0: "patches"}, "features": {0: "patches"}},
                opset_version=OPSET,
                # The weights keep their names where nothing is folded into anything else.
                training=torch.onnx.TrainingMode.PRESERVE,
                do_constant_folding=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise BackboneError(f"torch cannot export this network: {str(error).splitlines()[0]}") from None
    return buffer.getvalue()


@torch.no_grad()
def _with_distinct_weights(network: nn.Module) -> nn.Module:
    """A copy on the CPU in which no two tensors are equal, for the exporter would merge those."""
    twin = copy.deepcopy(network).cpu().eval()
    rng = torch.Generator().manual_seed(0)
    for value in twin.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=rng) + 0.5)
    return twin
