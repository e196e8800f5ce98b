"""TID2013 (Ponomarenko et al. 2015): distorted_images/iss_tt_l.bmp, reference_images/Iss.BMP, mos_with_names.txt.

The owners' own names mix `i` and `I`, `.bmp` and `.BMP`.
"""

from __future__ import annotations

import re
from pathlib import Path

from distortion_heads.datasets.published import files
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

KIND = "tid2013"
LEVELS = 5
TYPES = (
    "white_noise",
    "color_component_noise",
    "correlated_noise",
    "masked_noise",
    "high_frequency_noise",
    "impulse_noise",
    "quantization",
    "gaussian_blur",
    "denoise",
    "jpeg",
    "jpeg2000",
    "jpeg_transmission_errors",
    "jpeg2000_transmission_errors",
    "non_eccentricity_patch",
    "local_blocks",
    "mean_shift",
    "contrast_change",
    "color_saturation_change",
    "multiplicative_noise",
    "comfort_noise",
    "compressed_noise",
    "color_quantization",
    "chromatic_aberration",
    "sparse_sampling",
)
"""Labels of the types 01 to 24; this project's where it has one of that kind."""

SIGNED = frozenset(("mean_shift", "contrast_change", "local_blocks"))
"""Types whose level is no severity: its sign changes, or number and strength of the blocks run against each other."""

NOTES = (
    "the levels of mean_shift, contrast_change and local_blocks are no severity: it is left unknown",
    "the levels 1 to 5 of the other types are taken for the severity, though their parameters are not KADID-10k's",
)

_NAME = re.compile(r"i(\d{2})_(\d{2})_(\d)\.(bmp|png)", re.ASCII)


def parse_name(name: str) -> tuple[str, str, int] | None:
    """Return scene ("I01"), label and level of `iss_tt_l.bmp` in either case; None if it is no such name."""
    return files.numbered_name(name, _NAME, TYPES, LEVELS)


def fits(folder: Path) -> bool:
    """Return whether `distorted_images` holds pictures with TID2013's names."""
    return any(parse_name(name) for name in _pictures(folder, "distorted_images"))


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    images = _pictures(folder, "distorted_images")
    references = {Path(name).stem.upper(): path for name, path in _pictures(folder, "reference_images").items()}
    if not references:
        raise files.expected(folder, KIND, "reference_images/I01.BMP")
    scores = files.find(folder, "mos_with_names.txt")
    if scores is None:
        raise files.expected(folder, KIND, "mos_with_names.txt")
    listed = ((where, _record(text, images, references, where)) for where, text in files.text_lines(scores))
    return files.corpus(KIND, folder, files.with_references(listed).values(), TYPES, NOTES)


def _record(text: str, images: dict[str, Path], references: dict[str, Path], where: str) -> Record:
    parts = text.split()
    if len(parts) != 2:
        raise DataError(f"{where}: expected a score and a file name")
    mos, name = files.number(parts[0], where, "score"), files.plain_name(parts[1], where)
    parsed = parse_name(name)
    if parsed is None:
        raise DataError(f"{where}: {name} is no name like i01_01_1.bmp")
    scene, label, level = parsed
    for what, found in ((f"distorted_images/{name}", name.lower() in images), (f"{scene}.BMP", scene in references)):
        if not found:
            raise DataError(f"{where}: expected the picture {what}, which is missing")
    severity = files.UNKNOWN if label in SIGNED else float(level)
    return Record(
        path=images[name.lower()],
        scene=scene,
        severities={label: severity},
        level=level,
        mos=mos,
        reference=references[scene],
        kind=label,
    )


def _pictures(folder: Path, name: str) -> dict[str, Path]:
    found = files.find(folder, name)
    return files.pictures(found) if found else {}
