"""The engine of the base install: ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.files import (
    PatchFile,
)
from distortion_heads.errors import BackboneError
from distortion_heads.views.units import CELL

if TYPE_CHECKING:
    import onnxruntime as ort

LARGE = 2**21
"""Bytes of pixels from which on memory matters."""


class OnnxEngine:
    """Implements `Engine`. Thread-safe: ONNX Runtime sessions are."""

    batch = 1

    def __init__(self, graph: bytes, tensors: Mapping[str, NDArray[np.float32]], *, threads: int | None = None) -> None:
        self._graph, self._threads, self._lock = graph, threads, Lock()
        self._largest = LARGE
        self._alone: OnnxEngine | None = None
        self._tensors = {name: value for name, value in tensors.items() if not name.startswith("feature_")}
        self._session, self._values = open_session(graph, self._tensors, threads=threads)

    def side_by_side(self) -> OnnxEngine:
        if self._threads == 1:
            return self
        with self._lock:
            self._alone = self._alone or OnnxEngine(self._graph, self._tensors, threads=1)
            return self._alone

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._lock:
            is_largest = pixels.size > self._largest
            self._largest = max(self._largest, pixels.size)
        if is_largest:
            self._free_memory()
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
        result: NDArray[np.float32] = self._session.run(None, {"pixels": batch})[0]
        return result

    def _free_memory(self) -> None:
        """Empty the arena, whose blocks are too small for what comes and would be held beside larger ones."""
        import onnxruntime as ort

        options = ort.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(None, {"pixels": np.zeros((1, 3, CELL, CELL), np.uint8)}, options)

    def batch_moments(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return [self.moments(pixels) for pixels in batch]


def open_session(
    graph: bytes, weights: Mapping[str, NDArray[np.float32]], *, threads: int | None = None
) -> tuple[ort.InferenceSession, list[ort.OrtValue]]:
    """Return the session and the values that must live as long, for it reads their memory instead of copying it.

    Raises `BackboneError` if the graph and the weights do not make a session.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    # A block of memory planned for one shape would be held beside what the first run with that shape took.
    options.enable_mem_pattern = False
    # Waiting threads would take the cores from those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for value in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base class
        raise BackboneError(f"ONNX Runtime cannot open the backbone's graph: {str(error).splitlines()[0]}") from None
    return session, values


class OnnxPatchEngine:
    """ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy."""

    def __init__(self, graph: bytes, file: PatchFile, threads: int | None) -> None:
        weights = {name: value for name, value in file.tensors.items() if name != "patch"}
        self._session, self._values = open_session(graph, weights, threads=threads)

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = np.ascontiguousarray(patches.transpose(0, 3, 1, 2))
        result: NDArray[np.float32] = self._session.run(None, {"pixels": batch})[0]
        return result
