"""Plan a batch job: CPU time of a picture measured here, and from it machines, hours and cost.

    python benchmarks/plan_batch.py PICTURES [--count 60] [--heads A,B] [--total 1e9] [--price 0.04] [--efficiency 0.9]

CPU time is that of one worker of `dheads predict --on ray` with one thread, from the files to the Parquet part; on a
machine that is crowded it is up to a third longer. `--price`: dollars for an hour of one core. `--efficiency`: the
share of the cores' time that goes into pictures; the rest is starting, waiting for storage, and what is done twice.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from ray_throughput import make_worker

from distortion_heads.batch.sources import work_lists

CORES, MACHINES = 64, (1, 10, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--heads")
    parser.add_argument("--total", type=float, default=1e9)
    parser.add_argument("--price", type=float, default=0.04)
    parser.add_argument("--efficiency", type=float, default=0.9)
    options = parser.parse_args()
    files = [path for work in work_lists([str(options.pictures)], 10**6) for path, _ in work.files]
    warm_up, timed = (tuple(work_lists(list(islice(cycle(files), n)), n)) for n in (len(files), options.count))
    with tempfile.TemporaryDirectory() as out:
        worker = make_worker(options.heads, out)
        worker.run(warm_up[0])
        begun = time.process_time()
        worker.run(timed[0])
        seconds = (time.process_time() - begun) / options.count
        size = (Path(out) / timed[0].part).stat().st_size / options.count
    hours = seconds / 3600 / options.efficiency
    print(f"{1000 * seconds:.1f} ms of CPU a picture ({options.count} pictures), {size:.0f} bytes of Parquet")
    print(f"{options.total:.3g} pictures: {options.total * hours:,.0f} core hours, ", end="")
    print(f"${1e6 * hours * options.price:,.2f} a million, ${options.total * hours * options.price:,.0f} in all")
    for machines in MACHINES:
        print(f"{machines} machines of {CORES} cores: {options.total * hours / machines / CORES:,.0f} hours")


if __name__ == "__main__":
    main()
