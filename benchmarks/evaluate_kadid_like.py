"""Make docs/bench/evaluate: datasets made from clean pictures, evaluated in every way of `dheads evaluate`.

    python benchmarks/evaluate_kadid_like.py CLEAN WORK [--reports comparators,mixtures] [--scenes 24] [--repeats 10]

CLEAN is a folder of pictures that the backbone was not trained on; WORK keeps the datasets and finished repetitions, so
a run that was stopped goes on, and after a change of the backbone's weights only what read them is run again. Of the
pictures in CLEAN, `--scenes` are taken, evenly spread over their names.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from make_kadid_like import HEIGHT, WIDTH

from distortion_heads.io.images import load_image

REPOSITORY = Path(__file__).parents[1]
MAKER = REPOSITORY / "benchmarks" / "make_kadid_like.py"
REPORT = REPOSITORY / "docs" / "bench" / "evaluate"
NAME = "kadid-like"

PAPER_LABELS = "gaussian_blur,jpeg,white_noise"
"""Labels that Ameur et al. 2022 evaluate on KADID-10k: its types 01, 10 and 11."""

NINE_LABELS = f"{PAPER_LABELS},lens_blur,motion_blur,jpeg2000,impulse_noise,denoise,color_saturation_lab"
"""Types that are easily confused with each other, and one that is not."""

VIDEO_LABELS = "white_noise,lens_blur,motion_blur,smoke,uneven_illumination"
"""The five of the laparoscopic videos of Ameur et al. 2022."""

NOTE = (
    "**This is not KADID-10k.** It has its layout, types and levels, but {scenes} other photographs of 512 x 384"
    " pixels, distorted by this project's own generators - the same that the bundled backbone was trained with, though"
    " not on these photographs. So the figures say how the protocols and methods compare here; they are no result on"
    " KADID-10k and cannot be held against the paper's. Made by `python benchmarks/evaluate_kadid_like.py CLEAN WORK"
    " --scenes {scenes}`."
)
MIXTURES = (
    "{scenes} photographs, of each twelve random draws of `dheads synth --mix 1-3` from the five distortions of the"
    " laparoscopic videos of Ameur et al. 2022. **These are no laparoscopic videos**, and the generators are those"
    " that the bundled backbone was trained with. Made by `python benchmarks/evaluate_kadid_like.py CLEAN WORK"
    " --scenes {scenes}`."
)
RANDOM = "backbone=mobilenet_v3_large,weights=none,side=112,stride=112"
TRAINED = (
    f"ameur,{RANDOM},epochs=10,as=ameur-random",
    f"ameur,{RANDOM},finetune=all,epochs=4,random_patches=2,backbone_rate=1e-3,as=ameur-learnt",
    "finetune-all,epochs=1,as=finetuned",
)
"""Few epochs, small patches and few of them, as this runs on a CPU."""

COMPARATORS = (
    "brisque-svm",
    "iqmg",
    "cnn-kang,epochs=10,random_patches=48,as=cnn-kang",
    "meon,epochs=10,as=meon",
    f"ameur,{RANDOM},epochs=10,as=ameur-random",
)

REDUCED = (
    "\n\n`ameur-random` and `ameur-learnt` are the recipe of Ameur et al. 2022 (heads of 512-512 on the 2 x 2"
    " max-pooled last maps, Adam, threshold 0.5) on MobileNetV3-Large from random weights: frozen as they are, or"
    " trained too. **This is not the paper's system**, which starts DenseNet169 from ImageNet's weights and trains 60"
    " epochs on patches of 224 pixels: here patches have 112, and there are 10 and 4 epochs, of two random patches a"
    " picture and a backbone's rate of 1e-3 for the latter. `finetuned` is the bundled backbone, trained for one epoch"
    " more. One split says little: differences of a few points are chance."
)

REDUCED_TWICE = (
    "\n\n`cnn-kang` and `meon` are trained for 10 epochs, from random weights as always, `cnn-kang` on 48 patches of a"
    " picture an epoch, drawn anew, instead of all. `ameur-random` is the recipe of Ameur et"
    " al. 2022 on MobileNetV3-Large from random weights, frozen, on patches of 112 pixels, for 10 epochs: **not the"
    " paper's system**."
)

REDUCED_TABLE = (
    "\n\nThis is `--table 8` **from random weights**, which are frozen: whatever the heads tell, they tell by"
    " what the architecture alone makes of the pixels. The paper's table starts from ImageNet's weights (`--weights`)."
)
TABLE_SCENES = 6
TABLE_CHANGES = "side=112,stride=400,epochs=20"
"""Two patches a picture of a quarter of the paper's pixels each, and a third of its epochs."""

TABLE = ("--table", "8", "--weights", "none", "--with", TABLE_CHANGES, "--scenes", str(TABLE_SCENES))


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report. `repeats`: splits at most, fewer where networks are trained."""

    labels: str = PAPER_LABELS
    methods: tuple[str, ...] = ("frozen", "shipped")
    repeats: int = 10
    protocol: str = "both"
    mixtures: bool = False
    note: str = ""
    more: tuple[str, ...] = ()


REPORTS = {
    "comparators": Report(methods=("frozen", "shipped", *COMPARATORS), note=REDUCED_TWICE),
    "table-8": Report(methods=(), protocol="disjoint", note=REDUCED_TABLE, more=TABLE),
    "backbones": Report(methods=("frozen", *TRAINED), repeats=3, note=REDUCED),
    "training-share": Report(methods=("frozen",), more=("--shares", "20,40,60,80")),
    "mixtures": Report(labels=VIDEO_LABELS, mixtures=True),
    "nine-types": Report(labels=NINE_LABELS),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the reports in docs/bench/evaluate.")
    parser.add_argument("clean", type=Path, metavar="CLEAN")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--scenes", type=int, default=24, help="clean pictures (%(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="random splits, at most (%(default)s)")
    parser.add_argument("--out", type=Path, default=REPORT, help="folder of the reports (%(default)s)")
    parser.add_argument("--reports", default=",".join(REPORTS), help="which of them (%(default)s)")
    options = parser.parse_args()
    options.work = options.work.resolve()  # `dheads synth` goes on only with inputs of the same names
    names = options.reports.split(",")
    if unknown := [name for name in names if name not in REPORTS]:
        parser.error(f"no report {unknown[0]!r}")
    scenes = choose_scenes(options.clean, options.work, options.scenes)
    dataset, mixtures = (options.work / f"{kind}-{options.scenes}" for kind in (NAME, "mixtures"))
    if not (dataset / "dmos.csv").exists():  # which is written last
        run(sys.executable, MAKER, scenes, dataset, "--scenes", options.scenes)
    if any(REPORTS[name].mixtures for name in names):
        dheads("synth", scenes, mixtures, "--distortions", VIDEO_LABELS, "--mix", "1-3", "-n", "12")
    for name in names:
        report = REPORTS[name]
        note = (MIXTURES if report.mixtures else NOTE).format(scenes=options.scenes) + report.note
        arguments = [word for method in report.methods for word in ("--method", method)]
        arguments += ["--labels", report.labels, "--protocol", report.protocol, *report.more]
        arguments += ["--repeats", str(min(options.repeats, report.repeats))]
        report_on(options.work, options.out, name, mixtures if report.mixtures else dataset, note, *arguments)
    return 0


def report_on(work: Path, target: Path, name: str, dataset: Path, note: str, *arguments: str) -> None:
    """Evaluate, and move the report, its figures and plots; the repetitions stay, for all reports share them."""
    runs = work / "runs"
    dheads("evaluate", dataset, "--out", runs, "--note", note, *arguments)
    shutil.rmtree(target / name, ignore_errors=True)
    (target / name).mkdir(parents=True)
    for path in sorted(runs.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.move(path, target / name / path.name)


def choose_scenes(clean: Path, work: Path, scenes: int) -> Path:
    """Copy some of the pictures, evenly spread over their names, if that was not done before."""
    chosen = work / f"scenes-{scenes}"
    if chosen.is_dir() and len(list(chosen.iterdir())) == scenes:
        return chosen
    pictures = [path for path in sorted(clean.iterdir()) if path.is_file() and large_enough(path)]
    if len(pictures) < scenes:
        sys.exit(f"error: {clean} has {len(pictures)} pictures of {WIDTH} x {HEIGHT} or more, {scenes} are wanted")
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
