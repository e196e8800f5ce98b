"""Make docs/bench/evaluate/lvq-like: videos made from clean surgical frames, evaluated as Ameur et al. 2022 do LVQ.

    python benchmarks/evaluate_lvq_like.py WILD WORK --weights vgg16-397923af.pth     # the whole of it: a day and a GPU
    python benchmarks/evaluate_lvq_like.py WILD WORK --scale middle [--repeats 3]     # what two cores can do in an hour
    python benchmarks/evaluate_lvq_like.py WILD WORK --scale small [--repeats 1]      # and in minutes

WILD is as for `make_lvq_like.py`; WORK keeps the datasets and finished repetitions. With `middle` there are a reference
of each operation and five frames a second, of which ten are judged, and not the paper's own method; with `small` ten
frames a video, of which one is judged, and a second report, `lvq-vgg16`, on the paper's own method, on frames of
128 x 72 and from random weights.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluate_kadid_like import REPORT, REPOSITORY, report_on, run

MAKER = REPOSITORY / "benchmarks" / "make_lvq_like.py"
NOTE = (
    "**This is not LVQ.** It has its folders, its five distortions and five mixtures at four levels, and its size of"
    " frames unless something else is said, but {references} stills of laparoscopic operations over which a camera"
    " drifts, distorted by this project's own generators - the same that the bundled backbone was trained with, which"
    " has also seen some of these stills as clean pictures. An operation is one scene. Unlike LVQ there are clean"
    " videos. Made by `python benchmarks/evaluate_lvq_like.py WILD WORK{scale}`."
)
KANG = "cnn-kang,epochs=6,random_patches=80"
"""Eight patches of each of ten frames are drawn in each epoch."""

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


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Reports by name on videos of `references`, made with `options` of the maker; `frames` of each are judged."""

    videos: Mapping[str, Video]
    references: int = OPERATIONS
    options: tuple[str, ...] = ()
    frames: int = 10


def full(weights: str) -> Scale:
    """Return everything, the paper's own method starting from `weights`."""
    methods = (*OTHERS, "iqmg", "cnn-kang", f"ameur,weights={weights},as=ameur")
    return Scale(videos={"lvq-like": Video(size="512x288", methods=methods)}, references=20)


MIDDLE = Scale(
    videos={"lvq-like": Video(size="512x288", methods=(*OTHERS, KANG), note=FEW_EPOCHS)},
    options=("--rate", "5"),
)
SMALL = Scale(
    videos={
        "lvq-like": Video(size="512x288", methods=(*OTHERS, "cnn-kang,epochs=6"), note=FEW_EPOCHS),
        "lvq-vgg16": Video(
            size="128x72",
            methods=(
                "frozen",
                "ameur,weights=none,side=72,width=128,stride=72,epochs=10,as=ameur-random",
            ),
            note=RANDOM,
        ),
    },
    options=("--small",),
    frames=1,
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the reports on videos in docs/bench/evaluate.")
    parser.add_argument("wild", type=Path, metavar="WILD")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--scale", choices=("full", "middle", "small"), default="full", help="of it all (%(default)s)")
    parser.add_argument("--weights", default="none", metavar="FILE", help="of VGG16 (%(default)s: random)")
    parser.add_argument("--repeats", type=int, default=10, help="random splits (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORT, help="folder of the reports (%(default)s)")
    parser.add_argument("--reports", help="which of them (default: all)")
    options = parser.parse_args()
    scale = {"full": full(options.weights), "middle": MIDDLE, "small": SMALL}[options.scale]
    note = NOTE.format(references=scale.references, scale=f" --scale {options.scale}")
    for name in options.reports.split(",") if options.reports else scale.videos:
        video = scale.videos[name]
        dataset = options.work / f"{name}-{options.scale}-{scale.references}"
        made = ("--references", scale.references, "--size", video.size, *scale.options)
        run(sys.executable, MAKER, options.wild, dataset, *made)
        arguments = [word for method in video.methods for word in ("--method", method)]
        arguments += ["--protocol", "both", "--repeats", str(options.repeats), "--frames", str(scale.frames)]
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
