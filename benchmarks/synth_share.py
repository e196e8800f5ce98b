"""How much of the cores' time `dheads synth` spends on distorting.

    python benchmarks/synth_share.py PHOTOS [--jobs 2] [--per-image N] [--mix 1]

Makes everything that `dheads synth` makes by default (or N draws a picture) in a temporary folder, with each
synthesizer timed in the process that runs it. Prints two shares: of all CPU time spent, start of the processes
included, and of the wall time of all processes, in which waiting counts too.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distortion_heads.registry import build_registry
from distortion_heads.synth import Run
from distortion_heads.synth_plan import Plan, parse_mixture, parse_severities
from distortion_heads.synth_sources import Sources
from distortion_heads.synth_work import Target

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage, HeadSpec, Synthesizer


@dataclass(frozen=True)
class Timed:
    """A synthesizer that adds its CPU and wall seconds to a file per process under `log`."""

    synthesize: Synthesizer
    log: str

    def __call__(self, image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
        cpu, wall = time.process_time(), time.perf_counter()
        result = self.synthesize(image, severity, rng)
        seconds = _seconds(self.log)
        seconds += (time.process_time() - cpu, time.perf_counter() - wall)
        return result


@cache
def _seconds(log: str) -> np.memmap[Any, np.dtype[np.float64]]:
    """This process's file: mapped, so that counting costs next to nothing."""
    return np.memmap(Path(log, str(os.getpid())), np.float64, "w+", shape=(2,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--per-image", type=int)
    parser.add_argument("--mix", default="1")
    parser.add_argument("--severities", default="1,2,3,4,5")
    parser.add_argument("--format", choices=("png", "webp"), default="png")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with tempfile.TemporaryDirectory() as folder:
        _measure(options, Path(folder))


def _measure(options: argparse.Namespace, folder: Path) -> None:
    log, out = folder / "log", folder / "out"
    log.mkdir()
    plan = Plan(
        specs=tuple(_timed(head.spec, log) for head in build_registry().heads.values() if head.spec.synthesize),
        severities=parse_severities(options.severities),
        per_image=options.per_image,
        mixture=parse_mixture(options.mix),
    )
    run = Run(
        sources=Sources(tuple(options.photos), out),
        plan=plan,
        target=Target(folder=out, format=options.format),
        jobs=options.jobs,
    )
    cpu, wall = _cpu_seconds(), time.perf_counter()
    made = sum(outcome.made for outcome in run.outcomes())
    cpu, wall = _cpu_seconds() - cpu, time.perf_counter() - wall
    distorting_cpu, distorting_wall = _total(log.iterdir())
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{made} pictures, {size / made / 1e3:.0f} kB each, in {wall:.1f} s on {options.jobs} processes")
    print(f"CPU:  {distorting_cpu:.1f} of {cpu:.1f} s distorting: {distorting_cpu / cpu:.1%}")
    available = wall * options.jobs
    print(f"wall: {distorting_wall:.1f} of {available:.1f} s distorting: {distorting_wall / available:.1%}")


def _timed(spec: HeadSpec, log: Path) -> HeadSpec:
    assert spec.synthesize is not None
    return replace(spec, synthesize=Timed(spec.synthesize, str(log)))


def _cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _total(files: Iterable[Path]) -> tuple[float, float]:
    cpu, wall = np.sum([np.fromfile(file) for file in files], axis=0)
    return float(cpu), float(wall)


if __name__ == "__main__":
    main()
