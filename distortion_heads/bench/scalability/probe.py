"""Run in a process of its own, so that memory is measured: times and sizes of one design with N heads.

    python -m distortion_heads.bench.scalability.probe JOB

JOB and what is printed are JSON objects: see `Job` and `Found`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.build import Registry

Kind: TypeAlias = Literal["heads", "networks", "towers"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """`counts`: numbers of heads to time, the largest of which is loaded; `home`: a store with as many heads.

    `tower`: the safetensors file of one tower. `rounds`: times that every count is timed, by turns. One thread is used.
    """

    kind: Kind
    counts: tuple[int, ...]
    picture: str
    rounds: int
    home: str
    tower: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """`seconds` per picture by count, the median of all rounds; `load` seconds and bytes are of the largest count.

    Seconds are of CPU time, which what else the machine does hardly changes; `wall` is by the clock. `peak`:
    most memory that the process ever held; `loaded`: the same before the first picture.
    """

    seconds: dict[int, float]
    wall: dict[int, float]
    load: float
    loaded: int
    peak: int


def main() -> None:
    stored = json.loads(sys.argv[1])
    job = Job(**{**stored, "counts": tuple(stored["counts"])})
    print(json.dumps(asdict(run(job))))


def run(job: Job) -> Found:
    """Load the most heads, then time all counts."""
    start = time.process_time()
    runners = _open_towers(job) if job.kind == "towers" else _open_heads(job)
    load = time.process_time() - start
    loaded = peak_memory()
    seconds, wall = typical(runners, job.rounds)
    return Found(seconds=seconds, wall=wall, load=load, loaded=loaded, peak=peak_memory())


def typical(runners: dict[int, Callable[[], object]], rounds: int) -> tuple[dict[int, float], dict[int, float]]:
    """Return the median CPU and wall seconds of each runner in `rounds` rounds, by turns.

    Each is timed right after a run of its own, so that none finds the caches as another has left them.
    """
    cpu: dict[int, list[float]] = {count: [] for count in runners}
    wall: dict[int, list[float]] = {count: [] for count in runners}
    for _ in range(rounds):
        for count, runner in runners.items():
            runner()
            started, start = time.process_time(), time.perf_counter()
            runner()
            cpu[count].append(time.process_time() - started)
            wall[count].append(time.perf_counter() - start)
    return {n: median(taken) for n, taken in cpu.items()}, {n: median(taken) for n, taken in wall.items()}


def peak_memory() -> int:
    """Return the most bytes that were ever resident in this process."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource  # elsewhere than on Linux; there it counts what the process was started from too

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _open_heads(job: Job) -> dict[int, Callable[[], object]]:
    """Open predictors of the heads in the store: one for each count, or one for each head if they are networks."""
    from distortion_heads.pipeline import Predictor

    registry = store_registry(Path(job.home))
    labels = sorted(registry.heads)

    def open_one(labels: Sequence[str]) -> Predictor:
        return Predictor(labels, registry=registry, threads=1)

    if job.kind == "heads":  # the largest first, in memory that nothing else has used
        groups = {n: [open_one(labels[:n])] for n in sorted(job.counts, reverse=True)}
    else:
        networks = [open_one([label]) for label in labels[: max(job.counts)]]
        groups = {n: networks[:n] for n in job.counts}
    return {n: partial(_predict, groups[n], job.picture) for n in sorted(job.counts)}


def _open_towers(job: Job) -> dict[int, Callable[[], object]]:
    from distortion_heads.bench.scalability.towers import TowerNetwork
    from distortion_heads.io.images import load_image

    network = TowerNetwork.load(Path(job.tower), max(job.counts))
    return {n: partial(lambda count: network.predict(load_image(job.picture), count), n) for n in job.counts}


def store_registry(home: Path) -> Registry:
    """Return a registry of the heads in the store `home` alone."""
    from distortion_heads.registry.build import build_registry
    from distortion_heads.registry.discovery import LoadedPlugins
    from distortion_heads.registry.user_heads import Store

    return build_registry(user_heads=Store(home).user_plugin(), loaded=LoadedPlugins(plugins=(), failures=()))


def _predict(predictors: Sequence[Predictor], picture: str) -> None:
    for predictor in predictors:
        predictor.predict(picture)


if __name__ == "__main__":
    main()
