"""Measure how long add-head takes: `python benchmarks/add_head_time.py FOLDER [COUNT]`.

Of the pictures in FOLDER, COUNT (200) are taken, half of them with rain drawn over them, all as PNG; a head is trained
on them as `dheads add-head rain --data` does, in a home of its own without a cache. Shown are the time by the clock and
of all processors, for each stage and in all.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads import add_head
from distortion_heads.io.images import load_image

STREAK, SLANT = 14, 4


def rain(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    drops = rng.random(pixels.shape[:2]) < 0.004
    streaks = np.any([np.roll(drops, (i, i // SLANT), (0, 1)) for i in range(STREAK)], axis=0)
    return np.where(streaks[..., None], pixels // 2 + 127, pixels).astype(np.uint8)


def write_pictures(paths: list[Path], folder: Path) -> None:
    for number, path in enumerate(paths):
        pixels = load_image(path)
        label = ("rain", "clean")[number % 2]
        (folder / label).mkdir(exist_ok=True)
        made = rain(pixels, np.random.default_rng(number)) if label == "rain" else pixels
        Image.fromarray(made).save(folder / label / f"{number:04}.png")


def main(source: str, count: int) -> None:
    paths = sorted(path for path in Path(source).iterdir() if path.is_file())[:count]
    marks = {"reading": (time.perf_counter(), time.process_time())}

    def progress(stage: str, done: int, total: int) -> None:
        marks.setdefault(stage, (time.perf_counter(), time.process_time()))

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"DHEADS_HOME": str(home / "home"), "XDG_CACHE_HOME": str(home / "cache")}
        write_pictures(paths, home)
        marks["reading"] = (time.perf_counter(), time.process_time())
        added = add_head("rain", data=home, progress=progress)
    marks["end"] = (time.perf_counter(), time.process_time())
    print(f"{len(paths)} pictures, {added.rivals} with other distortions, AUROC {added.head.metrics.auroc:.3f}")
    stages = list(marks)
    for name, first, last in (*zip(stages, stages, stages[1:], strict=False), ("in all", "reading", "end")):
        clock, work = (after - before for before, after in zip(marks[first], marks[last], strict=True))
        print(f"{name:8} {clock:6.1f} s, of processors {work:6.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200)
