"""The cost of N heads: on one backbone, as N separate networks, and as the towers of Ameur et al. 2022."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from PIL import Image, ImageOps

from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.bench.scalability.options import Report
from distortion_heads.bench.scalability.probe import Found, Job, Kind
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.images import load_image
from distortion_heads.registry.user_heads import SUFFIX

REAL = {"heads": math.inf, "networks": 10, "towers": 100}
"""By design, up to how many heads are really run; more are extrapolated. A tower takes 30 MB."""

SLOW_ROUNDS = 3
"""Rounds of a design that takes ten times as long."""

LOADS = 5
"""Processes that load as many heads: how long the system takes to hand out memory varies more than all else."""

SIZE = (512, 384)
"""Width and height of the picture."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of `heads` heads of one design: CPU seconds of one thread per picture and to `load`, and bytes.

    `wall`: seconds on the clock, per picture; `peak`: bytes of the whole process; `per_picture`: those added by the
    first pictures; `disk`: all files. `extrapolated`: on a straight line through the two largest that were run.
    """

    design: Kind
    heads: int
    seconds: float
    wall: float
    load: float
    peak: int
    per_picture: int
    disk: int
    extrapolated: bool = False


@dataclass(frozen=True, kw_only=True)
class Costs:
    """`own`: bytes of one head's weights as evaluated, float32; `file`: of its file, float16."""

    rows: tuple[Cost, ...]
    own: int
    file: int
    rounds: int

    def of(self, design: Kind) -> tuple[Cost, ...]:
        return tuple(row for row in self.rows if row.design == design)


def measure_costs(
    head: HeadFile, picture: Path, work: Path, report: Report, *, counts: Sequence[int], rounds: int
) -> Costs:
    """Copy `head` under as many labels as needed and run all designs, each number of heads in processes of its own.

    Raises `DataError` if a process fails.
    """
    from distortion_heads.bench.scalability.towers import write_tower

    work.mkdir(parents=True, exist_ok=True)
    homes = {count: write_heads(head, count, work / f"home-{count}") for count in counts}
    size = write_tower(work / "tower.safetensors")
    job = Job(
        kind="heads",
        counts=tuple(counts),
        picture=str(write_picture(picture, work / "picture.png")),
        rounds=rounds,
        home=str(homes[max(counts)]),
        tower=str(work / "tower.safetensors"),
    )
    backbone, file = len(bundled_backbone().weights.read_bytes()), len(dump_head(head))
    disk: Mapping[Kind, Callable[[int], int]] = {
        "heads": lambda n: backbone + n * file,
        "networks": lambda n: n * (backbone + file),
        "towers": lambda n: _DENSENET_BYTES + n * size,
    }
    rows: list[Cost] = []
    for done, (kind, bytes_of) in enumerate(disk.items()):
        report(f"cost, {kind}", done, len(disk))
        real = [count for count in counts if count <= REAL[kind]]
        rows += _extended(_measure(replace(job, kind=kind), real, homes, bytes_of), counts, bytes_of)
    own = sum(layer.weight.nbytes + layer.bias.nbytes for layer in head.layers)
    return Costs(rows=tuple(rows), own=own, file=file, rounds=rounds)


_DENSENET_BYTES = 4 * 12_642_880
"""Float32 parameters and statistics of DenseNet169 without its classifier."""


def write_heads(head: HeadFile, count: int, home: Path) -> Path:
    """Write a store with `count` copies of `head` under other labels."""
    folder = home / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        file = folder / f"copy_{i:04d}{SUFFIX}"
        file.write_bytes(dump_head(replace(head, label=file.stem)))  # an older one may be of another backbone
    return home


def write_picture(source: Path, target: Path) -> Path:
    """Write the middle of `source` as a PNG file of 512x384."""
    ImageOps.fit(Image.fromarray(load_image(source)), SIZE).save(target)
    return target


def run_probe(job: Job) -> Found:
    """Measure in a fresh process. Raises `DataError` if it fails."""
    code = "distortion_heads.bench.scalability.probe"
    command = [sys.executable, "-m", code, json.dumps(asdict(job))]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["killed, perhaps of too little memory"])[-1]
        raise DataError(f"the measurement of {max(job.counts)} {job.kind} failed: {reason}")
    stored = json.loads(done.stdout.splitlines()[-1])
    by_count = {name: {int(n): s for n, s in stored[name].items()} for name in ("seconds", "wall")}
    return Found(**{**stored, **by_count})


def _measure(job: Job, counts: Sequence[int], homes: Mapping[int, Path], disk: Callable[[int], int]) -> list[Cost]:
    """Time all counts by turns in one process; load each in processes of its own, and take medians."""
    rounds = min(job.rounds, SLOW_ROUNDS) if job.kind == "towers" else job.rounds
    timed = run_probe(replace(job, counts=tuple(counts), rounds=rounds))
    rows = []
    for count in counts:
        loads = 1 if job.kind == "towers" else LOADS
        alone = [run_probe(replace(job, counts=(count,), home=str(homes[count]), rounds=1)) for _ in range(loads)]
        rows.append(
            Cost(
                design=job.kind,
                heads=count,
                seconds=timed.seconds[count],
                wall=timed.wall[count],
                load=median(found.load for found in alone),
                peak=round(median(found.peak for found in alone)),
                per_picture=round(median(found.peak - found.loaded for found in alone)),
                disk=disk(count),
            )
        )
    return rows


def _extended(rows: Sequence[Cost], counts: Sequence[int], disk: Callable[[int], int]) -> list[Cost]:
    """Add the counts that were not run, on the line through the last two that were."""
    extended = list(rows)
    for count in counts:
        if count > rows[-1].heads and len(rows) > 1:
            a, b = rows[-2:]
            share = (count - b.heads) / (b.heads - a.heads)
            names = ("seconds", "wall", "load", "peak")
            line = {name: getattr(b, name) + share * (getattr(b, name) - getattr(a, name)) for name in names}
            line["peak"] = round(line["peak"])
            extended.append(replace(b, heads=count, disk=disk(count), extrapolated=True, **line))
    return extended
