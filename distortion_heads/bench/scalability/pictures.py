"""Pictures on disk for heads that are added late: with the distortion, clean, and with any other distortion."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
from PIL import Image

from distortion_heads._system.atomic import replacing, write_atomic
from distortion_heads._system.processes import in_processes, per_process
from distortion_heads.datasets.clean_pictures import cut_native, cut_overview, load_scene
from distortion_heads.datasets.shards import installed_specs, make_sample
from distortion_heads.io.text_tables import reread_path
from distortion_heads.spec import HeadSpec, View
from distortion_heads.synthesis.distort import Step
from distortion_heads.views.windows import OVERVIEW_SIDE, WINDOW

BLOCK = 50
"""Pictures that one task of a worker makes."""


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """`count` pictures with `late`, as many without: by turns clean and with another distortion of `bank`.

    Picture i is cut from scene i modulo their number; everything but `folder` decides the content.
    """

    folder: Path
    scenes: tuple[Path, ...]
    late: str
    bank: tuple[str, ...]
    view: View
    count: int
    seed: int

    def path(self, positive: bool, index: int) -> Path:
        return self.folder / f"{'positive' if positive else 'negative'}-{index:05d}.png"

    @property
    def done(self) -> Path:
        return self.folder / f"made-{self.count}"

    def write_csv(self, file: Path, count: int) -> Path:
        """Write the first `count` of both classes as `dheads add-head --data` reads them; the scene is the group."""
        text = StringIO()
        writer = csv.writer(text)
        writer.writerow(("path", "label", "group"))
        for positive in (True, False):
            for i in range(count):
                scene = self.scenes[i % len(self.scenes)].stem
                writer.writerow((self.path(positive, i).resolve(), int(positive), reread_path(scene)))
        write_atomic(file, text.getvalue().encode())
        return file


def make_pictures(pictures: PictureSet, workers: int) -> Iterator[int]:
    """Make the pictures that are missing, and yield how many are done."""
    if pictures.done.exists():
        yield 2 * pictures.count
        return
    pictures.folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, pictures.count, BLOCK)
    for done, _ in enumerate(in_processes(starts, partial(_make_block, pictures), workers), 1):
        yield min(2 * BLOCK * done, 2 * pictures.count)
    pictures.done.touch()


def _make_block(pictures: PictureSet, start: int) -> None:
    specs = per_process(installed_specs, pictures.bank)
    for index in range(start, min(start + BLOCK, pictures.count)):
        for positive in (True, False):
            _make_one(pictures, specs, positive, index)


def _make_one(pictures: PictureSet, specs: Sequence[HeadSpec], positive: bool, index: int) -> None:
    path = pictures.path(positive, index)
    if path.exists():
        return
    # The clean pictures and those with other distortions are seeded apart from those with this one.
    rng = np.random.default_rng((pictures.seed, 3, int(positive), index))
    scene = load_scene(pictures.scenes[index % len(pictures.scenes)])
    cut = cut_native(scene, WINDOW, rng) if pictures.view == "native" else cut_overview(scene, OVERVIEW_SIDE, rng)
    steps: tuple[Step, ...] = ()
    if positive or index % 2:
        eligible = [spec for spec in specs if (spec.label == pictures.late) == positive]
        steps = (Step(spec=eligible[int(rng.integers(len(eligible)))], severity=float(rng.uniform(1.0, 5.0))),)
    with replacing(path, sync=False) as temporary:
        Image.fromarray(make_sample(cut, steps, rng)).save(temporary, "PNG", compress_level=1)
