"""Print what the head of quality says of clean real pictures: `python benchmarks/quality_real.py data/wild`.

Of each group of the split "val" that the list calls clean: how many, the median and the least quality, the median of
the same pictures stored as JPEG 30, and how many score below that.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from distortion_heads import Predictor
from distortion_heads.datasets.wild import CLEAN, read_wild
from distortion_heads.foreign.pillow import stored_as_jpeg
from distortion_heads.io.images import load_image

STORED = 30


def main(folder: str) -> None:
    predictor = Predictor(["quality"])
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for picture in read_wild(Path(folder), "val"):
        if picture.state == CLEAN:
            pixels = load_image(picture.path)
            versions = (pixels, stored_as_jpeg(pixels, STORED))
            found, stored = (predictor.predict(version).qualities[0].value for version in versions)
            scores[picture.group].append((found, stored))
    print(f"{'group':<14} pictures  median  least  JPEG {STORED}  below it")
    for group, pairs in sorted(scores.items()):
        found, stored = np.array(pairs).T
        print(
            f"{group:<14} {len(pairs):8}  {np.median(found):6.2f}  {found.min():5.2f}  {np.median(stored):7.2f}"
            f"  {int((found < stored).sum()):8}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
