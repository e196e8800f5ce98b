"""The engine of the base install: ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy.

A foreign graph, of a folder or a plugin, is checked before it is run, may take `MOST_MEMORY`, and what it gives is
checked too; the bundled one needs none of that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

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

MOST_MEMORY = 4 << 30
"""Bytes that all foreign graphs together may use beside their weights."""

_FATAL = 4
"""The least level at which ONNX Runtime writes to stderr itself: its exceptions say the same."""


NO_REPORTS = ("ORT_DISABLE_TELEMETRY", "1")
"""Keeps ONNX Runtime from reporting to its makers and from a database that all its processes share.

It reads the variable when it is first imported, and does both where that is unset (its Privacy.md).
"""


def onnx_runtime() -> ModuleType:
    """Import ONNX Runtime, which reports to nobody unless the user's own environment says so."""
    os.environ.setdefault(*NO_REPORTS)
    import onnxruntime

    module: ModuleType = onnxruntime
    return module


class OnnxEngine:
    """Implements `Engine`. Thread-safe: ONNX Runtime sessions are."""

    batch = 1

    def __init__(
        self,
        graph: bytes,
        tensors: Mapping[str, NDArray[np.float32]],
        *,
        threads: int | None = None,
        foreign: bool = False,
    ) -> None:
        self._graph, self._threads, self._lock, self._foreign = graph, threads, Lock(), foreign
        self._largest = LARGE
        self._alone: OnnxEngine | None = None
        self._tensors = {name: value for name, value in tensors.items() if not name.startswith("feature_")}
        self._session, self._values = open_session(graph, self._tensors, threads=threads, foreign=foreign)

    def side_by_side(self) -> OnnxEngine:
        if self._threads == 1:
            return self
        with self._lock:
            self._alone = self._alone or OnnxEngine(self._graph, self._tensors, threads=1, foreign=self._foreign)
            return self._alone

    def moments(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._lock:
            is_largest = pixels.size > self._largest
            self._largest = max(self._largest, pixels.size)
        if is_largest:
            self._free_memory()
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
        return run_graph(self._session, batch, foreign=self._foreign)

    def check_shape(self, dim: int) -> None:
        """Raise `BackboneError` unless the graph gives `dim` finite values for a cell."""
        found = self.moments(np.zeros((CELL, CELL, 3), np.uint8))
        if found.shape != (dim, 1, 1):
            raise BackboneError(f"the backbone's graph gives {found.shape} for a cell, not {(dim, 1, 1)}")

    def _free_memory(self) -> None:
        """Empty the arena, whose blocks are too small for what comes and would be held beside larger ones."""
        options = onnx_runtime().RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(None, {"pixels": np.zeros((1, 3, CELL, CELL), np.uint8)}, options)

    def batch_moments(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return [self.moments(pixels) for pixels in batch]


def open_session(
    graph: bytes, weights: Mapping[str, NDArray[np.float32]], *, threads: int | None = None, foreign: bool = False
) -> tuple[ort.InferenceSession, list[ort.OrtValue]]:
    """Return the session and the values that must live as long, for it reads their memory instead of copying it.

    Raises `BackboneError` if the graph and the weights do not make a session, or a foreign graph may not be run.
    """
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    # A block of memory planned for one shape would be held beside what the first run with that shape took.
    options.enable_mem_pattern = False
    # Waiting threads would take the cores from those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if foreign:
        _check_foreign(graph, weights)
        options.add_session_config_entry("session.use_env_allocators", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for value in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base class
        raise BackboneError(f"ONNX Runtime cannot open the backbone's graph: {str(error).splitlines()[0]}") from None
    return session, values


def run_graph(session: ort.InferenceSession, pixels: NDArray[np.uint8], *, foreign: bool) -> NDArray[np.float32]:
    """Return the first output. Raises `BackboneError` where a foreign graph fails, or gives values that are none."""
    feeds: dict[str, Any] = {"pixels": pixels}
    if not foreign:
        result: NDArray[np.float32] = session.run(None, feeds)[0]
        return result
    try:
        found = session.run(None, feeds)[0]
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise BackboneError(f"the backbone's graph cannot be run on this picture: {text}") from None
    if not isinstance(found, np.ndarray) or found.dtype != np.float32 or not np.isfinite(found).all():
        raise BackboneError("the backbone's graph gives values that are no finite float32: use another backbone")
    return found


def _check_foreign(graph: bytes, weights: Mapping[str, NDArray[np.float32]]) -> None:
    from distortion_heads.backbones.graph_check import check_graph

    check_graph(graph, weights)
    _limit_memory()


@cache
def _limit_memory() -> None:
    """Limit the memory of sessions that ask for the allocator of the process: once, for that is all there is."""
    ort = onnx_runtime()
    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(place, ort.OrtArenaCfg({"max_mem": MOST_MEMORY, "arena_extend_strategy": 1}))


class OnnxPatchEngine:
    """ONNX Runtime on the CPU. The graph holds no weights; they come from the one copy."""

    def __init__(self, graph: bytes, file: PatchFile, threads: int | None) -> None:
        weights = {name: value for name, value in file.tensors.items() if name != "patch"}
        self._session, self._values = open_session(graph, weights, threads=threads, foreign=True)

    def features(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        return run_graph(self._session, np.ascontiguousarray(patches.transpose(0, 3, 1, 2)), foreign=True)

    def check_shape(self, size: tuple[int, int], dim: int) -> None:
        """Raise `BackboneError` unless the graph gives `dim` finite values for a patch of that height and width."""
        found = self.features(np.zeros((1, *size, 3), np.uint8))
        if found.shape != (1, dim):
            raise BackboneError(f"the backbone's graph gives {found.shape} for a patch, not {(1, dim)}")
