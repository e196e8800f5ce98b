"""Clean pictures -> labelled ones, by the generators of installed distortions."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from distortion_heads.datasets.labelled_image import Distorted, LabelledImage
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.spec import FAMILY, MAX_SEVERITY, MIN_SEVERITY
from distortion_heads.synthesis.distort import Step

RIVALS = 120
"""Pictures with other distortions that are made, so that each of thirty is there a few times ..."""

PER_PICTURE = (0.5, 4.0)
"""... but at least and at most so many of each clean picture."""


def rivals_of(registry: Registry, label: str, family: str) -> tuple[RegisteredHead, ...]:
    """Return the distortions that can be made and are none of `label`: of another family, and of another name.

    A label that has a word in common with a distortion, as `surgical_smoke` with `smoke`, is of the family of that.
    """
    heads = [registry.heads[name] for name in sorted(registry.heads)]
    able = [h for h in heads if h.spec.synthesize is not None and h.spec.scope != FAMILY]
    words = _words(label)
    akin = {family} | {h.spec.family for h in able if words & _words(h.spec.label) - _PLAIN_WORDS}
    return tuple(h for h in able if h.spec.label != label and h.spec.family not in akin - {UNNAMED_FAMILY})


UNNAMED_FAMILY = "other"
_PLAIN_WORDS = frozenset(("color", "change", "shift", "high", "over", "under", "white", "block", "patch", "non"))


def _words(label: str) -> set[str]:
    return {word for word in re.split(r"[_0-9]+", label) if len(word) > 2}


def with_distorted(
    clean: Sequence[LabelledImage], hashes: Mapping[Path, str], target: RegisteredHead, seed: int
) -> tuple[LabelledImage, ...]:
    """Return each clean picture, and the same with `target` at a random severity.

    The draws depend on the seed and the content of the picture alone: a picture added later changes none of the others.
    """
    version = _versions([target])[target.spec.label]
    images: list[LabelledImage] = []
    for image in clean:
        own_seed, rng = _chance(f"{seed} {target.spec.label} {hashes[image.path]}")
        severity = float(rng.uniform(MIN_SEVERITY, MAX_SEVERITY))
        images.append(replace(image, recipe=Distorted(step=None, seed=own_seed)))
        recipe = Distorted(step=Step(spec=target.spec, severity=severity), seed=own_seed, version=version)
        images.append(replace(image, label=True, clean=False, severity=severity, recipe=recipe))
    return tuple(images)


def with_rivals(
    images: Sequence[LabelledImage],
    hashes: Mapping[Path, str],
    others: Sequence[RegisteredHead],
    label: str,
    seed: int,
) -> tuple[LabelledImage, ...]:
    """Return the images and, as negatives, clean ones with one of `others`, so that a head learns `label` alone.

    Where none is known to be clean, all negatives take their place. The draws are those of `with_distorted`.
    """
    clean = [image for image in images if image.clean] or [image for image in images if not image.label]
    if not others or not clean:
        return tuple(images)
    versions, rivals = _versions(others), []
    share = float(np.clip(RIVALS / sum(image.examples for image in clean), *PER_PICTURE))
    for image in clean:
        clip = image.clip.key if image.clip else ""
        own_seed, rng = _chance(f"{seed} {label} {hashes[image.path]}{clip}")
        order, chance = rng.permutation(len(others)), rng.random()
        for place in order[: int(share + chance)]:
            other = others[int(place)].spec
            step = Step(spec=other, severity=float(rng.uniform(MIN_SEVERITY, MAX_SEVERITY)))
            recipe = Distorted(step=step, seed=own_seed, version=versions[other.label])
            rivals.append(replace(image, clean=False, recipe=recipe))
    return (*images, *rivals)


def _chance(text: str) -> tuple[int, np.random.Generator]:
    own_seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return own_seed, np.random.default_rng([own_seed, 2])


def _versions(heads: Sequence[RegisteredHead]) -> dict[str, str]:
    """Return by label a digest of the code of each generator, as its author edits that between two runs."""
    files = {head.spec.label: _code_file(head.spec.synthesize) for head in heads}
    digests = {file: _code_digest(file) for file in set(files.values()) if file is not None}
    return {label: digests[file] if file is not None else "" for label, file in files.items()}


def _code_file(generator: object) -> Path | None:
    """Return the `__init__.py` of the generator's package, or its module if that is in none."""
    while isinstance(generator, partial):
        generator = generator.func
    name = getattr(generator, "__module__", None) or ""
    modules = (sys.modules.get(part) for part in (name.partition(".")[0], name))
    file = next(filter(None, (getattr(module, "__file__", None) for module in modules)), None)
    return None if file is None else Path(file)


def _code_digest(file: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]:
        with suppress(OSError):  # it may be in a zip file
            digest.update(source.read_bytes())
    return digest.hexdigest()
