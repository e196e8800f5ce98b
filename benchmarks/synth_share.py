"""How much of the cores' time `dheads synth` spends on distorting.

    python benchmarks/synth_share.py PHOTOS [--jobs 2] [--per-image N] [--mix 1]

Makes everything that `dheads synth` makes by default (or N draws a picture) in a temporary folder, with `distort` timed
in the processes that run it. Prints two shares: of all CPU time spent since this program was started, start of the
processes and imports included, and of the wall time of all processes, in which waiting counts too.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.special  # noqa: F401 - what synthesizers import is imported here, lest that count as distorting

from dheads_cli.commands.synth import WORKER_ENVIRONMENT
from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis import work as synth_work
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.synthesis.plan import SynthPlan, parse_mixture, parse_severities
from distortion_heads.synthesis.run import Run
from distortion_heads.synthesis.sources import Sources

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

_LOG = "SYNTH_SHARE_LOG"
"""Variable of the environment that names the folder in which each process counts its seconds."""


def timed_distort(image: FloatImage, steps: Sequence[Step], rng: np.random.Generator) -> FloatImage:
    cpu, wall = time.process_time(), time.perf_counter()
    result = distort(image, steps, rng)
    seconds = _seconds()
    seconds += (time.process_time() - cpu, time.perf_counter() - wall)
    return result


synth_work.distort = timed_distort  # in every process: each imports this file


@cache
def _seconds() -> np.memmap[Any, np.dtype[np.float64]]:
    """This process's file: mapped, so that counting costs next to nothing."""
    return np.memmap(Path(os.environ[_LOG], str(os.getpid())), np.float64, "w+", shape=(2,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--per-image", type=int)
    parser.add_argument("--mix", default="1")
    parser.add_argument("--severities", default="1,2,3,4,5")
    parser.add_argument("--format", choices=("png", "webp"), default="png")
    parser.add_argument("--compress", type=int, choices=range(10), default=0)
    options = parser.parse_args()
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory() as folder:
        _measure(options, Path(folder))


def _measure(options: argparse.Namespace, folder: Path) -> None:
    log, out = folder / "log", folder / "out"
    log.mkdir()
    os.environ[_LOG] = str(log)
    plan = SynthPlan(
        specs=tuple(head.spec for head in build_registry().heads.values() if head.spec.synthesize),
        severities=parse_severities(options.severities),
        per_image=options.per_image,
        mixture=parse_mixture(options.mix),
    )
    run = Run(
        sources=Sources(tuple(options.photos), out),
        plan=plan,
        target=synth_work.Target(folder=out, format=options.format, compress=options.compress),
        jobs=options.jobs,
    )
    start = time.perf_counter()
    made = sum(outcome.made for outcome in run.outcomes())
    cpu, wall = _cpu_seconds(), time.perf_counter() - start
    distorting_cpu, distorting_wall = _total(log.iterdir())
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{made} pictures, {size / made / 1e3:.0f} kB each, in {wall:.1f} s on {options.jobs} processes")
    print(f"CPU:  {distorting_cpu:.1f} of {cpu:.1f} s distorting: {distorting_cpu / cpu:.1%}")
    available = wall * options.jobs
    print(f"wall: {distorting_wall:.1f} of {available:.1f} s distorting: {distorting_wall / available:.1%}")


def _cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _total(files: Iterable[Path]) -> tuple[float, float]:
    cpu, wall = np.sum([np.fromfile(file) for file in files], axis=0)
    return float(cpu), float(wall)


if __name__ == "__main__":
    main()
