"""Make a dataset in KADID-10k's own layout from clean pictures: what it is for and what it is not.

It has KADID-10k's names, types, levels and size of pictures, so all that reads the one reads the other. Its contents
are other photographs, distorted by this project's generators, and nobody has scored them.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads.datasets.published.files import below
from distortion_heads.datasets.published.kadid import IDENTITIES, LEVELS, TYPES
from distortion_heads.errors import DataError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.io.inputs import IMAGE_SUFFIXES
from distortion_heads.registry.build import Registry
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distortion_heads.spec import FloatImage

WIDTH, HEIGHT = 512, 384
SCORE_COLUMN = "level_not_an_opinion"
"""Stands where KADID-10k has `dmos`, `var`; nobody was asked."""

SHIFTS = (0.15, 0.08, 0.0, -0.08, -0.15)
CONTRASTS = (0.3, 0.15, 0.0, -0.4, -0.6)
"""KADID-10k's parameters of the two types that run from plus to minus, which this project's generators draw."""


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
    specs = {label: _spec(registry, label) for label in TYPES}
    folder = out / "images"
    folder.mkdir(parents=True, exist_ok=True)

    def make(numbered: tuple[int, Path]) -> None:
        _make_scene(numbered[0], numbered[1], folder, specs, seed, size)

    with ThreadPoolExecutor(jobs) as pool:
        for done, _ in enumerate(pool.map(make, enumerate(sources, 1)), 1):
            progress(done, len(sources))
    write_atomic(out / "dmos.csv", _list(len(sources)))
    return len(sources)


def _spec(registry: Registry, label: str) -> HeadSpec:
    spec = registry.head(label).spec
    if spec.synthesize is None:
        raise DataError(f"the head {label!r} has no synthesizer: KADID-10k's types cannot all be made")
    return spec


def _make_scene(
    scene: int, source: Path, folder: Path, specs: Mapping[str, HeadSpec], seed: int, size: tuple[int, int]
) -> None:
    reference = _reduced(source, size)
    image = to_float(reference)
    _save(folder / f"I{scene:02d}.png", lambda: reference)
    for kind, label in enumerate(TYPES, 1):
        for level in range(1, LEVELS + 1):
            rng = np.random.default_rng([seed, scene, kind])  # as in KADID-10k, only the parameter tells levels apart
            path = folder / f"I{scene:02d}_{kind:02d}_{level:02d}.png"
            _save(path, lambda label=label, level=level, rng=rng: distorted(image, specs[label], level, rng))  # type: ignore[misc]


def distorted(image: FloatImage, spec: HeadSpec, level: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One level of KADID-10k's type `spec.label`, also where it changes nothing: float32 in [0, 1] -> uint8."""
    if (spec.label, level) in IDENTITIES:
        return to_uint8(image)
    if spec.label == "mean_shift":
        return to_uint8(np.clip(image + np.float32(SHIFTS[level - 1]), 0, 1))
    if spec.label == "contrast_change":
        return to_uint8(_contrast(image, CONTRASTS[level - 1]))
    return to_uint8(distort(image, [Step(spec=spec, severity=float(level))], rng))


def _contrast(image: FloatImage, amount: float) -> FloatImage:
    """KADID-10k's tone curve: a cubic spline through (0.3, 0.25 - a/4), (0.5, 0.5), (0.7, 0.75 + a/4) and the ends."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline((0, 0.3, 0.5, 0.7, 1), (0, 0.25 - amount / 4, 0.5, 0.75 + amount / 4, 1))
    bent: FloatImage = np.clip(curve(image), 0, 1).astype(np.float32)
    return bent


def _large_enough(path: Path, size: tuple[int, int]) -> bool:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:  # a large picture is no attack here
            return picture.width >= size[0] and picture.height >= size[1]
    except Exception:  # whatever is wrong with it is told when it is read
        return True


def _reduced(source: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The largest middle part with the proportions of `size`, reduced to it by area averaging."""
    from PIL import Image

    picture = Image.fromarray(load_image(source))
    width, height = size
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - width * scale) / 2, (picture.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    return np.asarray(picture.resize(size, Image.Resampling.BOX, box=box))


def _save(path: Path, make: Callable[[], NDArray[np.uint8]]) -> None:
    from PIL import Image

    if path.exists():
        return
    partial = path.with_suffix(".part")  # not synced: that takes longer than distorting
    Image.fromarray(make()).save(partial, "PNG", compress_level=1)
    partial.replace(path)


def _list(scenes: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dist_img", "ref_img", SCORE_COLUMN))
    writer.writerows(_lines(range(1, scenes + 1)))
    return text.getvalue().encode()


def _lines(scenes: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    for scene in scenes:
        for kind in range(1, len(TYPES) + 1):
            for level in range(1, LEVELS + 1):
                yield f"I{scene:02d}_{kind:02d}_{level:02d}.png", f"I{scene:02d}.png", level
