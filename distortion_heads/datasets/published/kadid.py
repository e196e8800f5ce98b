"""KADID-10k (Lin, Hosu, Saupe 2019): images/Iss_tt_ll.png, images/Iss.png, dmos.csv."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from distortion_heads.datasets.published import files
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

KIND = "kadid10k"
LEVELS = 5
TYPES = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "color_diffusion",
    "color_shift",
    "color_quantization",
    "color_saturation_hsv",
    "color_saturation_lab",
    "jpeg2000",
    "jpeg",
    "white_noise",
    "white_noise_ycbcr",
    "impulse_noise",
    "multiplicative_noise",
    "denoise",
    "brighten",
    "darken",
    "mean_shift",
    "jitter",
    "non_eccentricity_patch",
    "pixelate",
    "quantization",
    "color_block",
    "high_sharpen",
    "contrast_change",
)
"""This project's labels of the types 01 to 25."""

IDENTITIES = {("gaussian_blur", 1), ("motion_blur", 1), ("color_saturation_lab", 1), ("mean_shift", 3)}
"""Types and levels whose parameter changes nothing: sigma 0.1, length 1, factor 1, shift 0."""

DROPPED = {("contrast_change", 3)}
"""Parameter 0 is meant to change nothing, but the tone curve bends a little: neither clean nor a clear positive."""

MAGNITUDES = {
    "color_saturation_hsv": {1: 1.0, 2: 2.0, 3: 3.0, 4: 5.0},
    "mean_shift": {1: 4.0, 2: 2.0, 4: 2.0, 5: 4.0},
    "contrast_change": {1: 5.0, 2: 3.5, 4: 2.0, 5: 4.0},
}
"""Severity by level where the levels change the sign: the size of the change on this project's scale; a level that is
not here has none."""

NOTES = (
    "level 1 of gaussian_blur, motion_blur and color_saturation_lab and level 3 of mean_shift change nothing: "
    "read as clean",
    "level 3 of contrast_change hardly changes anything: left out",
    "mean_shift and contrast_change run from plus to minus: their severity is the size of the change, not the level",
    "level 4 of color_saturation_hsv is grey, the last severity; level 5 turns hues round: its severity is unknown",
)

_NAME = re.compile(r"i(\d{2,3})_(\d{2})_(\d{2})\.(png|bmp|jpg)", re.ASCII)


def parse_name(name: str) -> tuple[str, str, int] | None:
    """Return scene ("I01"), label and level of `Iss_tt_ll.png` in either case; None if it is no such name."""
    return files.numbered_name(name, _NAME, TYPES, LEVELS)


def severity(label: str, level: int) -> float | None:
    """Return the severity in [1, 5] of what a level changes; None where it changes nothing."""
    if (label, level) in IDENTITIES:
        return None
    return MAGNITUDES[label].get(level, files.UNKNOWN) if label in MAGNITUDES else float(level)


def fits(folder: Path) -> bool:
    """Return whether pictures with KADID-10k's names lie in `folder` or its `images`."""
    return any(parse_name(name) for name in files.pictures(_images(folder)))


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    images = files.pictures(_images(folder))
    scores = files.find(folder, "dmos.csv")
    if scores is None:
        raise files.expected(folder, KIND, "dmos.csv")
    rows = list(files.table(scores, "dist_img", "ref_img"))
    records = files.with_references((where, _record(row, images, where)) for where, row in rows)
    left_out = tuple(record.path for record in records.values() if (record.kind, record.level) in DROPPED)
    kept = [record for record in records.values() if record.path not in left_out]
    has_scores = all("dmos" in row for _, row in rows)
    notes = NOTES if has_scores else (*NOTES, f"{scores.name} has no column dmos: no opinion scores")
    return replace(files.corpus(KIND, folder, kept, TYPES, notes), left_out=left_out)


def _record(row: Mapping[str, str], images: Mapping[str, Path], where: str) -> Record:
    distorted, reference = (_listed(row[column], images, where) for column in ("dist_img", "ref_img"))
    parsed = parse_name(distorted.name)
    if parsed is None:
        raise DataError(f"{where}: {distorted.name} is no name like I01_01_01.png")
    scene, label, level = parsed
    strength = severity(label, level)
    return Record(
        path=distorted,
        scene=scene,
        severities={} if strength is None else {label: strength},
        level=level,
        mos=files.number(row["dmos"], where, "dmos") if "dmos" in row else None,
        reference=reference,
        kind=label,
    )


def _images(folder: Path) -> Path:
    return files.find(folder, "images") or folder


def _listed(name: str, images: Mapping[str, Path], where: str) -> Path:
    path = images.get(files.plain_name(name, where).lower())
    if path is None:
        raise DataError(f"{where}: expected the picture {name}, which is missing")
    return path
