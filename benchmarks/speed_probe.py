"""One measurement in a process of its own, for `speed.py`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from distortion_heads import Predictor
from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.onnx import onnx_runtime
from distortion_heads.backbones.open import bundled_backbone

SETTINGS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "one thread": {"intra_op_num_threads": 1},
    "waiting threads spin": {"session.intra_op.allow_spinning": "1"},
    "memory patterns": {"enable_mem_pattern": True},
    "no arena": {"enable_cpu_mem_arena": False},
    "extended optimisation: no blocked layout": {"graph_optimization_level": 2},
    "basic optimisation": {"graph_optimization_level": 1},
}


def measured(*arguments: str) -> tuple[float, ...]:
    """Wall seconds, CPU seconds, peak bytes, and a count, of a process of its own."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return tuple(float(word) for word in done.stdout.split())


def probe(kind: str, *arguments: str) -> None:
    """Print what `measured` returns."""
    count, work, repeats = probe_predict(*arguments) if kind == "predict" else probe_engine(*arguments)
    taken = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(median(wall for wall, _ in taken), median(cpu for _, cpu in taken), peak, count())


def probe_predict(path: str, most: str) -> tuple[Callable[[], int], Callable[[], object], int]:
    predictor, windows = Predictor(), []

    def work() -> None:
        windows.append(predictor.predict(path, most_windows=None if most == "all" else int(most)).windows)

    large = Path(path).stat().st_size > 2**20
    if not large:
        work()
    return (lambda: windows[-1]), work, 1 if large else 9


def probe_engine(height: str, width: str, name: str) -> tuple[Callable[[], int], Callable[[], object], int]:
    """The graph in a session whose settings differ from those of `OnnxEngine` as `SETTINGS` says."""
    ort = onnx_runtime()
    spec = bundled_backbone()
    weights = {k: v for k, v in read_backbone(spec.weights).tensors.items() if not k.startswith("feature_")}
    values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for value in weights.values()]
    options = ort.SessionOptions()
    options.add_external_initializers(list(weights), values)
    settings = {"enable_mem_pattern": False, "session.intra_op.allow_spinning": "0", **SETTINGS[name]}
    for key, value in settings.items():
        if "." in key:
            options.add_session_config_entry(key, value)
        elif key == "graph_optimization_level":
            options.graph_optimization_level = ort.GraphOptimizationLevel(value)
        else:
            setattr(options, key, value)
    session = ort.InferenceSession(spec.graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, int(height), int(width)), dtype=np.uint8)
    session.run(None, {"pixels": pixels})
    return (lambda: len(values)), (lambda: session.run(None, {"pixels": pixels})), 15 if pixels.size < 2**20 else 3


if __name__ == "__main__":
    probe(*sys.argv[1:])
