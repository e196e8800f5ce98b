"""Measure what heads of quality add to the time of a picture: `python benchmarks/quality_cost.py PICTURE ...`.

Each picture is judged by all heads and by all but those of quality in turn, on one thread, `ROUNDS` times; the median
ratio of processor times is shown, and the middle half of the ratios.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads import Predictor
from distortion_heads.io.images import load_image

ROUNDS = 30


def main(paths: list[str]) -> None:
    whole = Predictor(threads=1)
    labels = [head.label for head in whole.heads]
    both = (whole, Predictor(labels, threads=1))
    times = np.array(
        [_pair(both, load_image(Path(path)), turn) for path in paths for turn in range(ROUNDS + 1) if turn]
    )
    ratios = times[:, 0] / times[:, 1]
    low, middle, high = np.percentile(ratios, (25, 50, 75))
    median = np.median(times, axis=0) * 1000
    print(f"{len(paths)} pictures, {ROUNDS} pairs each: {median[0]:.2f} ms with quality, {median[1]:.2f} ms without")
    print(
        f"quality adds {100 * (middle - 1):.1f} % (median of the pairs; half of them {low - 1:+.1%} to {high - 1:+.1%})"
    )


def _pair(both: tuple[Predictor, Predictor], pixels: NDArray[np.uint8], turn: int) -> tuple[float, float]:
    found = {}
    for place in (0, 1) if turn % 2 else (1, 0):
        both[place].predict(pixels)  # warm: what follows on a shared machine is then the same for both
        start = time.process_time()
        both[place].predict(pixels)
        found[place] = time.process_time() - start
    return found[0], found[1]


if __name__ == "__main__":
    main(sys.argv[1:])
