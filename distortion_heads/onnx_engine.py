"""The engine of the base install: ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import BackboneError


class OnnxEngine:
    """Implements `Engine`. Thread-safe: ONNX Runtime sessions are."""

    def __init__(self, graph: bytes, tensors: Mapping[str, NDArray[np.float32]], *, threads: int | None = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        used = {name: value for name, value in tensors.items() if not name.startswith("feature_")}
        # held by the engine, for the session reads this memory instead of copying it
        self._values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for value in used.values()]
        options.add_external_initializers(list(used), self._values)
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise BackboneError(
                f"ONNX Runtime cannot open the backbone's graph: {str(error).splitlines()[0]}"
            ) from None

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
        result: NDArray[np.float32] = self._session.run(None, {"pixels": batch})[0]
        return result
