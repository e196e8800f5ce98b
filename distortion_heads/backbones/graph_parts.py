"""The parts of an ONNX graph, as it grows node by node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a graph, as it grows."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        output = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, tensor: onnx.TensorProto) -> str:
        """Add a tensor, once by its name, which is returned."""
        if all(tensor.name != known.name for known in self.tensors):
            self.tensors.append(tensor)
        return str(tensor.name)

    def integers(self, name: str, values: list[int]) -> str:
        from onnx import TensorProto, helper

        return self.constant(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))

    def floats(self, name: str, shape: tuple[int, ...], values: list[float]) -> str:
        from onnx import TensorProto, helper

        return self.constant(helper.make_tensor(name, TensorProto.FLOAT, shape, values))
