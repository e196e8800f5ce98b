"""Time and memory of the one ONNX file beside `Predictor`, for pictures of growing size, one thread each.

python benchmarks/bundle_memory.py dheads.onnx
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "kitten_clean.jpg"
SIZES = ((512, 352), (2000, 1500), (4000, 3000))
"""Width and height."""


def main() -> None:
    """Print a row for each size and way, each measured in a process of its own."""
    for width, height in SIZES:
        for way in ("bundle", "predict"):
            subprocess.run([sys.executable, __file__, sys.argv[1], way, str(width), str(height)], check=True)


def measure(bundle: str, way: str, width: int, height: int) -> None:
    """Print seconds and the largest resident memory."""
    pixels = np.asarray(Image.open(EXAMPLE).convert("RGB").resize((width, height)))
    if way == "bundle":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.enable_mem_pattern = 1, False
        session = onnxruntime.InferenceSession(bundle, options)
        start = perf_counter()
        session.run(None, {"pixels": pixels})
    else:
        from distortion_heads import Predictor

        predictor = Predictor(threads=1)
        start = perf_counter()
        predictor.predict(pixels)
    seconds, peak = perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{way:8} {width * height / 1e6:5.1f} MP {seconds:6.2f} s {peak:6.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main()
    else:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
