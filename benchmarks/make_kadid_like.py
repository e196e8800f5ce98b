"""Make a dataset in KADID-10k's layout from clean pictures.

    python benchmarks/make_kadid_like.py IN OUT --scenes 20

It is no KADID-10k: other photographs, distorted by this project's generators, scored by nobody.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from distortion_heads._system.threads import usable_cores
from distortion_heads.datasets.published.make_kadid import HEIGHT, WIDTH, make_kadid_like
from distortion_heads.errors import DheadsError
from distortion_heads.registry.build import build_registry


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a dataset in KADID-10k's layout from clean pictures.")
    parser.add_argument("images", type=Path, metavar="IN", help="folder of clean pictures")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the dataset")
    parser.add_argument("--scenes", type=int, metavar="N", help="how many of the pictures (default: all)")
    parser.add_argument("--size", default=f"{WIDTH}x{HEIGHT}", metavar="WxH", help="of the pictures (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another one distorts otherwise (%(default)s)")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="number of threads (%(default)s)")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    try:
        count = make_kadid_like(
            options.images,
            options.out,
            build_registry(no_plugins=True),
            scenes=options.scenes,
            seed=options.seed,
            size=(width, height),
            jobs=options.jobs,
            progress=lambda done, total: print(f"{done} of {total} scenes", file=sys.stderr),
        )
    except DheadsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} scenes, {count * 126} pictures in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
