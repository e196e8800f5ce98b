"""Two workers on a local Ray cluster beside two plain processes: the same work lists, as a ratio of pictures a second.

    python benchmarks/ray_throughput.py PICTURES [--count 400] [--part-size 20] [--repeats 3] [--heads A,B]

Each side is timed from its first finished part to its last, so that neither start counts; they take turns, each first
in every other turn, so that what else the machine does falls on both. The figures are the ratio of each turn, their
median, and the ratio of the sums over all turns. The start of each side is printed beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from distortion_heads._system.processes import in_processes, per_process
from distortion_heads.batch.on_ray import cluster, work_on
from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.sources import work_lists
from distortion_heads.batch.work import Done, Model, Worker, model_of
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry

WORKERS = 2


def make_model(heads: str | None) -> Model:
    registry = load_registry()
    return model_of(Predictor(heads.split(",") if heads else None, registry=registry, threads=1), registry, None)


def make_worker(heads: str | None, out: str) -> Worker:
    return Worker(make_model(heads), Folder(out))


def run_one(task: tuple[str | None, str, WorkList]) -> Done:
    heads, out, work = task
    return per_process(make_worker, heads, out).run(work)


def plain(lists: Sequence[WorkList], heads: str | None, out: str) -> Iterator[Done]:
    return in_processes([(heads, out, work) for work in lists], run_one, WORKERS)


def on_ray(lists: Sequence[WorkList], heads: str | None, out: str) -> Iterator[Done]:
    with cluster(None, WORKERS) as ray:
        yield from work_on(ray, lists, make_model(heads), Folder(out), WORKERS, lambda done, total: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--part-size", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--heads")
    options = parser.parse_args()
    files = [path for work in work_lists([str(options.pictures)], 10**6) for path, _ in work.files]
    files = list(islice(cycle(files), options.count))
    lists = tuple(work_lists(files, options.part_size))
    sides = [("plain processes", plain), ("ray", on_ray)]
    seconds: dict[str, list[float]] = {name: [] for name, _ in sides}
    for turn in range(options.repeats):
        for name, run in sides if turn % 2 == 0 else sides[::-1]:
            with tempfile.TemporaryDirectory() as out:
                begun = time.perf_counter()
                ends = [time.perf_counter() for _ in run(lists, options.heads, out)]
            seconds[name].append(ends[-1] - ends[0])
            rate = (len(files) - options.part_size) / (ends[-1] - ends[0])
            print(
                f"turn {turn + 1}, {name}: {rate:.1f} pictures/s, first part after {ends[0] - begun:.1f} s", flush=True
            )
    ratios = [one / other for one, other in zip(seconds["plain processes"], seconds["ray"], strict=True)]
    ratio = sum(seconds["plain processes"]) / sum(seconds["ray"])
    print(
        f"ray / plain processes: {ratio:.3f} ({len(files)} pictures, {WORKERS} workers each, {options.repeats} turns);"
        f" turns {', '.join(f'{one:.2f}' for one in ratios)}, median {median(ratios):.3f}"
    )


if __name__ == "__main__":
    main()
