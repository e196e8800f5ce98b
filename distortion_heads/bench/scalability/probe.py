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
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

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
    open_design = {"heads": _open_heads, "networks": _open_networks, "towers": _open_towers}[job.kind]
    start = time.process_time()
    runners = open_design(job)
    load = time.process_time() - start
    loaded = peak_memory()
    seconds, wall = typical(runners, job.rounds)
    return Found(seconds=seconds, wall=wall, load=load, loaded=loaded, peak=peak_memory())


def typical(runners: dict[int, Callable[[], object]], rounds: int) -> tuple[dict[int, float], dict[int, float]]:
    """The median CPU and wall seconds of each runner in `rounds` rounds, by turns.

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
    """Bytes: the most that was ever resident in this process."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource  # elsewhere than on Linux; there it counts what the process was started from too

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _open_heads(job: Job) -> dict[int, Callable[[], object]]:
    from distortion_heads.pipeline import Predictor

    registry = _registry(job)
    labels = sorted(registry.heads)
    # The largest first, in memory that nothing else has used.
    counts = sorted(job.counts, reverse=True)
    predictors = {n: Predictor(labels[:n], registry=registry, threads=1) for n in counts}
    return {n: _predicts([predictors[n]], job.picture) for n in sorted(job.counts)}


def _open_networks(job: Job) -> dict[int, Callable[[], object]]:
    """A network per head: each with a backbone of its own, run one after the other."""
    from distortion_heads.pipeline import Predictor

    registry = _registry(job)
    labels = sorted(registry.heads)[: max(job.counts)]
    predictors = [Predictor([label], registry=registry, threads=1) for label in labels]
    return {n: _predicts(predictors[:n], job.picture) for n in job.counts}


def _open_towers(job: Job) -> dict[int, Callable[[], object]]:
    from distortion_heads.bench.scalability.towers import TowerNetwork
    from distortion_heads.io.images import load_image

    network = TowerNetwork.load(Path(job.tower), max(job.counts))

    def runner(count: int) -> Callable[[], object]:
        return lambda: network.predict(load_image(job.picture), count)

    return {n: runner(n) for n in job.counts}


def _registry(job: Job):  # type: ignore[no-untyped-def]
    """The heads in the store alone."""
    from distortion_heads.registry.build import build_registry
    from distortion_heads.registry.discovery import LoadedPlugins
    from distortion_heads.registry.user_heads import Store

    loaded = LoadedPlugins(plugins=(), failures=())
    return build_registry(user_heads=Store(Path(job.home)).user_plugin(), loaded=loaded)


def _predicts(predictors: Sequence[object], picture: str) -> Callable[[], object]:
    return lambda: [predictor.predict(picture) for predictor in predictors]  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
