"""Make docs/bench/evaluate: datasets made from clean pictures, evaluated in every way of `dheads evaluate`.

    python benchmarks/evaluate_kadid_like.py CLEAN WORK [--scenes 24] [--repeats 10] [--train-backbones]

CLEAN is a folder of pictures that the backbone was not trained on; WORK keeps the datasets and finished repetitions, so
a run that was stopped goes on. Of the pictures in CLEAN, `--scenes` are taken, evenly spread over their names.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from distortion_heads.images import load_image
from distortion_heads.training.corpora.make_kadid import HEIGHT, WIDTH

REPOSITORY = Path(__file__).parents[1]
MAKER = REPOSITORY / "benchmarks" / "make_kadid_like.py"
REPORT = REPOSITORY / "docs" / "bench" / "evaluate"
NAME = "kadid-like"

PAPER_LABELS = "gaussian_blur,jpeg,white_noise"
"""What Ameur et al. 2022 evaluate on KADID-10k: its types 01, 10 and 11."""

NINE_LABELS = f"{PAPER_LABELS},lens_blur,motion_blur,jpeg2000,impulse_noise,denoise,color_saturation_lab"
"""Types that are easily confused with each other, and one that is not."""

VIDEO_LABELS = "white_noise,lens_blur,motion_blur,smoke,uneven_illumination"
"""The five of the laparoscopic videos of Ameur et al. 2022."""

NOTE = (
    "**This is not KADID-10k.** It has its layout, types and levels, but {scenes} other photographs of 512 x 384"
    " pixels, distorted by this project's own generators - the same that the bundled backbone was trained with, though"
    " not on these photographs. So the figures say how the protocols and methods compare here; they are no result on"
    " KADID-10k and cannot be held against the paper's. Made by `python benchmarks/evaluate_kadid_like.py CLEAN WORK`."
)
MIXTURES = (
    "{scenes} photographs, of each twelve random draws of `dheads synth --mix 1-3` from the five distortions of the"
    " laparoscopic videos of Ameur et al. 2022. **These are no laparoscopic videos**, and the generators are those"
    " that the bundled backbone was trained with. Made by `python benchmarks/evaluate_kadid_like.py CLEAN WORK`."
)
TRAINED = (
    "ameur,backbone=mobilenet_v3_large,weights=none,epochs=10",
    "finetune-all,backbone=dheads_small,epochs=3",
)
"""From random weights and from the bundled ones: few epochs, as they run on a CPU."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the report in docs/bench/evaluate.")
    parser.add_argument("clean", type=Path, metavar="CLEAN")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--scenes", type=int, default=24, help="clean pictures (%(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="random splits (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORT, help="folder of the reports (%(default)s)")
    parser.add_argument("--train-backbones", action="store_true", help="also train networks: a quarter of an hour")
    options = parser.parse_args()
    scenes = choose_scenes(options.clean, options.work, options.scenes)
    dataset = options.work / f"{NAME}-{options.scenes}"
    run(sys.executable, MAKER, scenes, dataset, "--scenes", options.scenes)
    mixtures = options.work / f"mixtures-{options.scenes}"
    dheads("synth", scenes, mixtures, "--distortions", VIDEO_LABELS, "--mix", "1-3", "-n", "12")
    note = NOTE.format(scenes=options.scenes)
    few = str(min(options.repeats, 3))
    shares = ("--protocol", "both", "--shares", "20,40,60,80", "--repeats", few)
    own = ("--method", "frozen", "--method", "shipped", "--protocol", "both")
    evaluate = partial(report_on, options.work, options.out)
    evaluate("paper-labels", dataset, note, "--labels", PAPER_LABELS, *own, "--repeats", str(options.repeats))
    if options.train_backbones:
        methods = [word for method in ("frozen", *TRAINED) for word in ("--method", method)]
        paper = ("--labels", PAPER_LABELS, "--protocol", "both", "--repeats", "1")
        evaluate("backbones", dataset, note, *methods, *paper)
    evaluate("training-share", dataset, note, "--labels", PAPER_LABELS, "--method", "frozen", *shares)
    evaluate("mixtures", mixtures, MIXTURES.format(scenes=options.scenes), *own, "--repeats", few)
    evaluate("nine-types", dataset, note, "--labels", NINE_LABELS, *own, "--repeats", few)
    return 0


def report_on(work: Path, target: Path, name: str, dataset: Path, note: str, *arguments: str) -> None:
    """Evaluate, and move the report, its figures and plots; the repetitions stay, for all reports share them."""
    runs = work / "runs"
    dheads("evaluate", dataset, "--out", runs, "--note", note, *arguments)
    shutil.rmtree(target / name, ignore_errors=True)
    (target / name).mkdir(parents=True)
    for path in sorted(runs.iterdir()):
        if path.is_file():
            shutil.move(path, target / name / path.name)


def choose_scenes(clean: Path, work: Path, scenes: int) -> Path:
    """Copy some of the pictures, evenly spread over their names."""
    pictures = [path for path in sorted(clean.iterdir()) if path.is_file() and large_enough(path)]
    if len(pictures) < scenes:
        sys.exit(f"error: {clean} has {len(pictures)} pictures of {WIDTH} x {HEIGHT} or more, {scenes} are wanted")
    chosen = work / f"scenes-{scenes}"
    chosen.mkdir(parents=True, exist_ok=True)
    for i in range(scenes):
        source = pictures[i * len(pictures) // scenes]
        if not (chosen / source.name).exists():
            shutil.copyfile(source, chosen / source.name)
    return chosen


def large_enough(path: Path) -> bool:
    height, width = load_image(path).shape[:2]
    return height >= HEIGHT and width >= WIDTH


def dheads(*arguments: object) -> None:
    run(sys.executable, "-c", "from dheads_cli.main import main; main()", *arguments)


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
