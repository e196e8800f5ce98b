"""Make a dataset in KADID-10k's layout from clean pictures.

    python benchmarks/make_kadid_like.py IN OUT --scenes 20

It has KADID-10k's names, types, levels and size of pictures, so all that reads the one reads the other. It is no
KADID-10k: other photographs, distorted by this project's generators, scored by nobody.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import CubicSpline

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.threads import usable_cores
from distortion_heads.datasets.published.files import below
from distortion_heads.datasets.published.kadid import IDENTITIES, LEVELS, TYPES
from distortion_heads.errors import DataError, DheadsError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.io.inputs import IMAGE_SUFFIXES
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

WIDTH, HEIGHT = 512, 384
HEADER = ("dist_img", "ref_img", "level_not_an_opinion")
"""The last stands where KADID-10k has `dmos`, `var`: nobody was asked."""

SHIFTS = (0.15, 0.08, 0.0, -0.08, -0.15)
CONTRASTS = (0.3, 0.15, 0.0, -0.4, -0.6)
"""KADID-10k's parameters of the two types that run from plus to minus, which this project's generators draw."""


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


def make_kadid_like(
    images: Path,
    out: Path,
    registry: Registry,
    *,
    scenes: int | None = None,
    seed: int = 0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write images/Iss.png, images/Iss_tt_ll.png and dmos.csv to `out`; return the number of scenes.

    The first `scenes` of the pictures below `images` that are at least as large as `size` (width, height), in the
    order of their names, are cropped in the middle and reduced to it. Pictures that are there already are kept, so a
    run that was stopped goes on. Raises `DataError` or `InputError` if there are too few or one cannot be read.
    """
    sources = list(islice((path for path in below(images, IMAGE_SUFFIXES) if _large_enough(path, size)), scenes))
    if len(sources) < (scenes or 1):
        wanted = f"of at least {size[0]} x {size[1]} pixels; {scenes or 1} are wanted"
        raise DataError(f"{images}: {len(sources)} pictures {wanted}")
    specs = {label: registry.head(label).spec for label in TYPES}
    folder = out / "images"
    folder.mkdir(parents=True, exist_ok=True)

    def make(numbered: tuple[int, Path]) -> None:
        _make_scene(numbered[0], _reduced(numbered[1], size), folder, specs, seed)

    with ThreadPoolExecutor(jobs) as pool:
        for done, _ in enumerate(pool.map(make, enumerate(sources, 1)), 1):
            progress(done, len(sources))
    text = io.StringIO()
    rows = ((name, f"I{scene:02d}.png", level) for scene in range(1, done + 1) for name, _, level in _versions(scene))
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    write_atomic(out / "dmos.csv", text.getvalue().encode())
    return done


def _versions(scene: int) -> Iterator[tuple[str, int, int]]:
    """Return name, type from 1 and level of all distorted pictures of a scene."""
    for kind, level in product(range(1, len(TYPES) + 1), range(1, LEVELS + 1)):
        yield f"I{scene:02d}_{kind:02d}_{level:02d}.png", kind, level


def _make_scene(
    scene: int, reference: NDArray[np.uint8], folder: Path, specs: Mapping[str, HeadSpec], seed: int
) -> None:
    image = to_float(reference)
    _save(folder / f"I{scene:02d}.png", lambda: reference)
    for name, kind, level in _versions(scene):
        rng = np.random.default_rng([seed, scene, kind])  # as in KADID-10k, only the parameter tells levels apart
        spec = specs[TYPES[kind - 1]]
        _save(folder / name, lambda spec=spec, level=level, rng=rng: distorted(image, spec, level, rng))  # type: ignore[misc]


def distorted(image: FloatImage, spec: HeadSpec, level: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one level of KADID-10k's type `spec.label`, also where it changes nothing: float32 in [0, 1] -> uint8."""
    if (spec.label, level) in IDENTITIES:
        return to_uint8(image)
    if spec.label == "mean_shift":
        return to_uint8(np.clip(image + np.float32(SHIFTS[level - 1]), 0, 1))
    if spec.label == "contrast_change":
        return to_uint8(_contrast(image, CONTRASTS[level - 1]))
    return to_uint8(distort(image, [Step(spec=spec, severity=float(level))], rng))


def _contrast(image: FloatImage, amount: float) -> FloatImage:
    """Apply KADID-10k's tone curve: a cubic spline through the ends, the middle and two points moved by `amount`."""
    curve = CubicSpline((0, 0.3, 0.5, 0.7, 1), (0, 0.25 - amount / 4, 0.5, 0.75 + amount / 4, 1))
    bent: FloatImage = np.clip(curve(image), 0, 1).astype(np.float32)
    return bent


def _large_enough(path: Path, size: tuple[int, int]) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:  # a large picture is no attack here
            return picture.width >= size[0] and picture.height >= size[1]
    except Exception:  # `load_image` says what is wrong with it
        return True


def _reduced(source: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the largest middle part with the proportions of `size`, reduced to it by area averaging."""
    picture = Image.fromarray(load_image(source))
    width, height = size
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - width * scale) / 2, (picture.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    return np.asarray(picture.resize(size, Image.Resampling.BOX, box=box))


def _save(path: Path, make: Callable[[], NDArray[np.uint8]]) -> None:
    if path.exists():
        return
    partial = path.with_suffix(".part")  # not synced: that takes longer than distorting
    Image.fromarray(make()).save(partial, "PNG", compress_level=1)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
