"""Make a dataset in the layout of LVQ, the laparoscopic videos of the ICIP 2020 challenge, from clean pictures.

    python benchmarks/make_lvq_like.py WILD OUT            # 20 references, 800 videos of ten seconds: hours
    python benchmarks/make_lvq_like.py WILD OUT --small    # 800 videos of one second and ten frames: minutes
    python benchmarks/make_lvq_like.py WILD OUT --references 7 --rate 5    # 280 videos of ten seconds and 50 frames

WILD is a folder with a manifest.csv (`file,group,scene,labels`) of which the clean pictures of `--group` are taken. A
camera drifts over each; then `dheads synth` would do what is done here: five distortions and five mixtures at four
levels each. It is no LVQ: stills that are moved, distorted by this project's generators. The name of a video is
`video` + the operation + a letter for the reference + `_` + the level, so that an operation is one scene.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product, zip_longest
from math import pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads._system.threads import usable_cores
from distortion_heads.errors import DataError, DheadsError
from distortion_heads.io.images import load_image
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis.clips import CleanClip, write_clip
from distortion_heads.synthesis.distort import Step

KINDS = {
    "awgn": ("white_noise",),
    "defocus_blur": ("lens_blur",),
    "motion_blur": ("motion_blur",),
    "smoke": ("smoke",),
    "uneven_illum": ("uneven_illumination",),
    "defocus_uneven": ("lens_blur", "uneven_illumination"),
    "noise_smoke": ("white_noise", "smoke"),
    "noise_smoke_uneven": ("white_noise", "smoke", "uneven_illumination"),
    "noise_uneven": ("white_noise", "uneven_illumination"),
    "smoke_uneven": ("smoke", "uneven_illumination"),
}
"""Folders of the challenge's training part, and the labels of what lies there."""

SEVERITIES = (2.0, 3.0, 4.0, 5.0)
"""Severities of this project for LVQ's levels 1 to 4, of which the first is already visible."""

REFERENCE = "reference"
CODING = Coding(codec="h264", crf=12)
DRIFT = 0.06
"""Share of the picture that the camera moves over, in either direction."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of the dataset: references, seconds and frames a second, width and height of a video."""

    references: int = 20
    seconds: float = 10.0
    rate: float = 25.0
    width: int = 512
    height: int = 288


SMALL = Shape(seconds=1.0, rate=10.0)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A clean picture, and what its videos are called after `video`."""

    name: str
    picture: Path


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a dataset in the layout of LVQ from clean pictures.")
    parser.add_argument("wild", type=Path, metavar="WILD", help="folder with a manifest.csv")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the dataset")
    parser.add_argument("--group", default="surgery", help="of the manifest (%(default)s)")
    parser.add_argument("--small", action="store_true", help="ten frames a video, of one second")
    parser.add_argument("--seconds", type=float, help=f"of a video (small: {SMALL.seconds:g}, else {Shape.seconds:g})")
    parser.add_argument("--rate", type=float, help=f"frames a second (small: {SMALL.rate:g}, else {Shape.rate:g})")
    parser.add_argument("--references", type=int, default=Shape.references, metavar="N", help="(%(default)s)")
    parser.add_argument("--size", default="512x288", metavar="WxH", help="of the frames (%(default)s)")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="processes (%(default)s)")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    shape = replace(SMALL if options.small else Shape(), references=options.references, width=width, height=height)
    shape = replace(shape, seconds=options.seconds or shape.seconds, rate=options.rate or shape.rate)
    try:
        references = choose_references(options.wild, options.group, shape)
        count = make_lvq_like(references, options.out, shape, jobs=options.jobs)
    except DheadsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} videos in {options.out}")
    return 0


def choose_references(wild: Path, group: str, shape: Shape) -> list[Reference]:
    """Return clean pictures of a group, one of each scene in turn. Raises `DataError` if there are too few."""
    try:
        with (wild / "manifest.csv").open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row["group"] == group and row["labels"] == "clean"]
    except (OSError, KeyError, UnicodeError) as error:
        raise DataError(f"{wild}: no folder of pictures with a manifest.csv ({error})") from None
    scenes: dict[str, list[Path]] = {}
    for row in rows:
        scenes.setdefault(row["scene"], []).append(wild / row["file"])
    turns = zip_longest(*(scenes[scene] for scene in sorted(scenes)))
    found = [
        Reference(name=f"{number}{chr(ord('a') + turn)}", picture=picture)
        for turn, pictures in enumerate(turns)
        for number, picture in enumerate(pictures, 1)
        if picture is not None
    ]
    if len(found) < shape.references:
        raise DataError(f"{wild}: {len(found)} clean pictures of the group {group}, {shape.references} are wanted")
    return found[: shape.references]


def make_lvq_like(references: Sequence[Reference], out: Path, shape: Shape, *, jobs: int = 1) -> int:
    """Write `KIND/videoNAME_LEVEL.mp4` and `reference/videoNAME.mp4`; return their number.

    Videos that are there already are kept. Raises `DheadsError` if a picture cannot be read or a video not written.
    """
    for folder in (REFERENCE, *KINDS):
        (out / folder).mkdir(parents=True, exist_ok=True)
    count = 0
    with ProcessPoolExecutor(jobs) as pool:
        for done, made in enumerate(pool.map(_make, references, [out] * len(references), [shape] * len(references)), 1):
            count += made
            print(f"{done} of {len(references)} references", file=sys.stderr)
    return count


def _make(reference: Reference, out: Path, shape: Shape) -> int:
    clean = out / REFERENCE / f"video{reference.name}{CODING.suffix}"
    if not clean.exists():
        _finish(clean, lambda target: encode_video(filmed(reference, shape), target, CODING, shape.rate))
    registry = build_registry(no_plugins=True)
    for (kind, labels), (level, severity) in product(KINDS.items(), enumerate(SEVERITIES, 1)):
        steps = tuple(Step(spec=registry.head(label).spec, severity=severity) for label in labels)
        seed = zlib.crc32(f"{reference.name} {kind}".encode())  # only the parameter tells levels apart
        clip = CleanClip(steps=steps, seed=seed, intervals=(), coding=CODING)
        target = out / kind / f"video{reference.name}_{level}{CODING.suffix}"
        if not target.exists():
            _finish(target, lambda part, clip=clip: write_clip(str(clean), part, clip, VideoOptions()))  # type: ignore[misc]
    return 1 + len(KINDS) * len(SEVERITIES)


def _finish(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write a file beside `target`, and rename it."""
    part = target.with_name(f".{target.name}")
    write(part)
    part.replace(target)


def filmed(reference: Reference, shape: Shape) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield times and frames, uint8 (height, width, 3): a hand-held camera that drifts over a picture.

    The largest middle part with the proportions of the frame, less `DRIFT` at each side.
    """
    picture = Image.fromarray(load_image(reference.picture))
    scale = (1 - 2 * DRIFT) * min(picture.width / shape.width, picture.height / shape.height)
    width, height = shape.width * scale, shape.height * scale
    free_x, free_y = (picture.width - width) / 2, (picture.height - height) / 2
    reach = DRIFT * picture.width, DRIFT * picture.height
    for i in range(round(shape.seconds * shape.rate)):
        time = i / shape.rate
        left = free_x + reach[0] * sin(2 * pi * time / 7.0)
        top = free_y + reach[1] * sin(2 * pi * time / 5.0)
        box = (left, top, left + width, top + height)
        frame = picture.resize((shape.width, shape.height), Image.Resampling.BOX, box)
        yield time, np.asarray(frame)


if __name__ == "__main__":
    sys.exit(main())
