"""Make docs/bench/evaluate/lvq-like: videos made from clean surgical frames, evaluated as Ameur et al. 2022 do LVQ.

    python benchmarks/evaluate_lvq_like.py WILD WORK --weights vgg16-397923af.pth     # the whole of it: a day and a GPU
    python benchmarks/evaluate_lvq_like.py WILD WORK --small [--repeats 1]            # what two busy cores can do

WILD is as for `make_lvq_like.py`; WORK keeps the datasets and finished repetitions. With --small there are a reference
of each operation, ten frames a video, of which one is judged, and two reports: `lvq-like` without the paper's own
method, and `lvq-vgg16` with it alone, on frames of 128 x 72 and from random weights.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evaluate_kadid_like import REPORT, REPOSITORY, report_on, run

MAKER = REPOSITORY / "benchmarks" / "make_lvq_like.py"
NOTE = (
    "**This is not LVQ.** It has its folders, its five distortions and five mixtures at four levels, and its size of"
    " frames unless something else is said, but {references} stills of laparoscopic operations over which a camera"
    " drifts, distorted by this project's own generators - the same that the bundled backbone was trained with, which"
    " has also seen some of these stills as clean pictures. An operation is one scene. Unlike LVQ there are clean"
    " videos. Made by `python benchmarks/evaluate_lvq_like.py WILD WORK{small}`."
)
FEW_EPOCHS = "\n\n`cnn-kang` is trained for six epochs."
RANDOM = (
    "\n\n`ameur-random` is the paper's network for videos, VGG16 on whole frames with five heads of 512-512 on its"
    " flattened maps, **but from random weights, frozen, for ten epochs, and on frames of 128 x 72**. It shows that the"
    " command runs, and nothing of what the paper's system can do."
)
OPERATIONS = 7
"""Those that have a clean picture."""


@dataclass(frozen=True, kw_only=True)
class Video:
    """One report: of what size the frames are, the methods, and what is said of them."""

    size: str
    methods: tuple[str, ...]
    note: str = ""


OTHERS = ("frozen", "shipped", "brisque-svm")
SMALL = {
    "lvq-like": Video(size="512x288", methods=(*OTHERS, "cnn-kang,epochs=6"), note=FEW_EPOCHS),
    "lvq-vgg16": Video(
        size="128x72",
        methods=(
            "frozen",
            "ameur,weights=none,side=72,width=128,stride=72,epochs=10,as=ameur-random",
        ),
        note=RANDOM,
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the reports on videos in docs/bench/evaluate.")
    parser.add_argument("wild", type=Path, metavar="WILD")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--small", action="store_true", help="few and short videos, no paper's method at full size")
    parser.add_argument("--weights", default="none", metavar="FILE", help="of VGG16 (%(default)s: random)")
    parser.add_argument("--repeats", type=int, default=10, help="random splits (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORT, help="folder of the reports (%(default)s)")
    parser.add_argument("--reports", help="which of them (default: all)")
    options = parser.parse_args()
    full = Video(size="512x288", methods=(*OTHERS, "iqmg", "cnn-kang", f"ameur,weights={options.weights},as=ameur"))
    reports = SMALL if options.small else {"lvq-like": full}
    references = OPERATIONS if options.small else 20
    note = NOTE.format(references=references, small=" --small" if options.small else "")
    for name in options.reports.split(",") if options.reports else reports:
        video = reports[name]
        dataset = options.work / f"{name}-{references}"
        small = ["--small"] if options.small else []
        run(sys.executable, MAKER, options.wild, dataset, "--references", references, "--size", video.size, *small)
        arguments = [word for method in video.methods for word in ("--method", method)]
        arguments += ["--protocol", "both", "--repeats", str(options.repeats), "--frames", "1" if small else "10"]
        report_on(options.work, options.out, name, dataset, note + video.note, *arguments)
        rank(options.out / name)
    return 0


def rank(folder: Path) -> None:
    """Write the challenge's score of a report's methods to challenge.txt."""
    command = [sys.executable, "-c", "from dheads_cli.main import main; main()", "score2020"]
    done = subprocess.run([*command, str(folder / "result.json")], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    (folder / "challenge.txt").write_text(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
