"""What heads gain on decoded video when some of the pictures that they are fitted on are decoded frames.

    python benchmarks/reencoded_training.py --images DIR --clips DIR --work DIR --out FILE.md [--pictures 4000]

Heads are fitted twice on the bundled backbone, from distorted stills alone and with the share of decoded frames that
`dheads train` uses, and judge frames of real clips, clean and distorted, lossless and coded. `--images` are pristine
stills, `--clips` real videos; `--work` keeps the features of the stills, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from distortion_heads import Predictor
from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import worker_pool
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.bench.accuracy.samples import seeded
from distortion_heads.bench.video.cases import SEVERITIES, CasePlan, Part, find_parts
from distortion_heads.bench.video.figures import name_of
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.heads.head import Provenance
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Sampling, VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.metrics.scores import auroc
from distortion_heads.registry.backbones import heads_in, read_ref
from distortion_heads.reports.markdown import table
from distortion_heads.synthesis.clips import distorted
from distortion_heads.synthesis.distort import Step
from distortion_heads.training.networks.shards import installed_specs
from distortion_heads.training.runs.distorted_pictures import VIDEO_ODDS, PicturePlan, collect, read_features
from distortion_heads.training.runs.fit_bundled_heads import HeadsJob, fit_heads

LABELS = (
    "gaussian_blur", "lens_blur", "motion_blur", "white_noise", "impulse_noise", "multiplicative_noise",
    "jpeg", "jpeg2000", "pixelate", "denoise", "smoke", "uneven_illumination",
)  # fmt: skip
"""What a codec hides, or looks like."""

SHARES = {"stills": 0.0, "decoded": VIDEO_ODDS}
CODINGS = (Coding(), *(Coding(codec="h264", bit_rate=rate) for rate in (4_000_000, 1_000_000, 400_000)))
FRAMES = 24  # of each part
EVERY = 8  # of the frames of a distorted part is judged; of a clean one all are
SEED = 78
PATHS = ("images", "clips", "work", "out")
Picture = tuple[float, NDArray[np.uint8]]
Judged = dict[tuple[Coding, str | None], NDArray[np.float64]]
"""By coding and label (None is clean): the probabilities of both head sets for n frames, (2, n, heads)."""


def say(text: str) -> None:
    """The one line of progress."""
    print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)


def fit(name: str, scenes: Scenes, options: argparse.Namespace) -> Path:
    """Fit all heads on pictures of which `SHARES[name]` are decoded frames; returns what holds their folder."""
    backbone, folder = bundled_backbone(), Path(options.work / name)
    fitted = PicturePlan(
        folder=options.work / "features",
        name=f"fit-{name}",
        scenes=scenes.fit,
        count=options.pictures,
        seed=SEED,
        backbone=backbone,
        labels=LABELS,
        video_odds=SHARES[name],
    )
    held = replace(fitted, name=f"hold-{name}", scenes=scenes.hold, count=options.pictures // 4)
    for plan in (fitted, held):
        for done in collect(plan, options.jobs):
            say(f"{plan.name}: {done} of {plan.count} pictures")
    shutil.rmtree(folder, ignore_errors=True)  # those of another run
    origin = Provenance(data=name, data_sha256=scenes.sha256, n_pos=0, n_neg=0, seed=SEED, command=command(options))
    specs, ref = installed_specs(LABELS), read_ref(backbone)
    job = HeadsJob(folder=folder / "heads", specs=specs, starts=(), backbone=ref, provenance=origin)
    for done, detail in fit_heads(job, read_features(fitted), read_features(held)):
        say(f"heads from {name}: {done} of {len(LABELS)}, {detail}")
    return folder


@lru_cache(maxsize=2)
def predictor_with(folder: Path) -> Predictor:
    """Of the heads in `folder/heads`; once per process."""
    return Predictor(LABELS, registry=heads_in(folder), threads=1)


def judge_part(numbered: tuple[int, Part], folders: Sequence[Path]) -> Judged:
    """All cases of one part; the severities take turns."""
    turn, part = numbered
    judged: Judged = {}
    for column, label in enumerate((None, *LABELS)):
        pictures = made(part, label, SEVERITIES[(turn + column) % len(SEVERITIES)])
        for coding in CODINGS:
            frames = coded(pictures, coding, part.rate)
            frames = frames if label is None else frames[EVERY - 1 :: EVERY]
            answers = [[predictor_with(folder).predict(frame).heads for frame in frames] for folder in folders]
            judged[coding, label] = np.array([[[h.probability for h in heads] for heads in each] for each in answers])
    return judged


def made(part: Part, label: str | None, severity: float) -> list[Picture]:
    """The first frames of a part, distorted all alike; those without `label` are as they were."""
    steps = () if label is None else (Step(spec=installed_specs([label])[0], severity=severity),)
    seed = int(seeded(SEED, part.name, part.start, label).integers(1 << 63))
    with closing(open_video(str(part.clip), VideoOptions(sampling=Sampling(start=part.start)))) as video:
        return list(distorted(islice(video.frames(), FRAMES), steps, seed, (), part.rate))


def coded(pictures: Sequence[Picture], coding: Coding, rate: float) -> list[NDArray[np.uint8]]:
    """The frames as they are decoded."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"part{coding.suffix}"
        encode_video(pictures, file, coding, rate)
        with closing(open_video(str(file), VideoOptions())) as video:
            return [frame.pixels for frame in video.frames()]


def measure(judged: Judged, coding: Coding, index: int, head: int, threshold: float) -> tuple[float, float]:
    """AUROC of one head of one head set, and the share of clean frames on which it fires."""
    scores = {label: judged[coding, label][index, :, head] for label in (None, *LABELS)}
    alarms = float(np.mean(scores[None] >= threshold))
    present = scores.pop(LABELS[head])
    return auroc(present, np.concatenate([*scores.values()])) or 0.0, alarms


def report(judged: Judged, folders: Sequence[Path], options: argparse.Namespace) -> str:
    sets = [[head.threshold.value for head in predictor_with(folder).heads] for folder in folders]
    figures = np.array(
        [
            [[measure(judged, coding, i, k, sets[i][k]) for i in (0, 1)] for k, _ in enumerate(LABELS)]
            for coding in CODINGS
        ]
    )  # (codings, heads, head sets, 2)
    rows = [(label, *cells(figures[:, k])) for k, label in enumerate(LABELS)]
    header = ("head", *(f"{figure}, {name_of(coding)}" for figure in ("AUROC", "alarms") for coding in CODINGS))
    clean = judged[CODINGS[0], None].shape[1]
    lines = (
        "# Heads fitted with and without decoded frames",
        f"    {command(options)}",
        f"Heads on the backbone {predictor_with(folders[0]).backbone.ref}, fitted on {options.pictures} pictures: from"
        f" stills alone → with {VIDEO_ODDS:.0%} decoded frames of H.264, H.265 and MPEG-4. They judge {clean} frames of"
        f" {clean // FRAMES} parts of real clips, clean and with one distortion each, at severity 2 to 5 (of these"
        f" every {EVERY}th), as they are and coded at the bit rates that the columns say. AUROC: frames with the head's"
        " distortion against all others. Alarms: the share of clean frames on which the head fires, at the threshold"
        " that was chosen for its set on held-out pictures of the same kind as those that it was fitted on.",
        table(header, [*rows, ("**mean**", *cells(figures.mean(axis=1)))]),
    )
    return "\n\n".join(lines) + "\n"


def cells(figures: NDArray[np.float64]) -> list[str]:
    """Of (codings, head sets, 2): AUROC of each coding, then alarms, "stills → decoded"."""
    return [" → ".join(f"{value:.3f}" for value in pair[:, k]) for k in (0, 1) for pair in figures]


def command(options: argparse.Namespace) -> str:
    paths = " ".join(f"--{name} {getattr(options, name).name}" for name in PATHS)
    return f"python benchmarks/reencoded_training.py {paths} --pictures {options.pictures} --parts {options.parts}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in PATHS:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=4000, help="that heads are fitted on (%(default)s)")
    parser.add_argument("--parts", type=int, default=8, help="of each clip (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    scenes = find_scenes(options.images)
    folders = [fit(name, scenes, options) for name in SHARES]
    parts, problems = find_parts(options.clips, CasePlan(parts=options.parts), None)
    results: list[Judged] = []
    with worker_pool(options.jobs) as pool:
        for done, part in enumerate(pool.map(partial(judge_part, folders=folders), enumerate(parts)), 1):
            results.append(part)
            say(f"clips: {done} of {len(parts)} parts")
    print(*("", *problems), sep="\n", file=sys.stderr)
    judged = {key: np.concatenate([part[key] for part in results], axis=1) for key in results[0]}
    write_atomic(options.out, report(judged, folders, options).encode())


if __name__ == "__main__":
    main()
