"""Clean pictures -> labelled ones, by the generators of installed distortions."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from distortion_heads.datasets.labelled_image import Distorted, LabelledImage
from distortion_heads.registry.build import RegisteredHead
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY
from distortion_heads.synthesis.distort import Step


def with_distorted(
    clean: Sequence[LabelledImage],
    hashes: Mapping[Path, str],
    target: RegisteredHead,
    others: Sequence[RegisteredHead],
    seed: int,
) -> tuple[LabelledImage, ...]:
    """Return each clean picture, the same with `target` at a random severity and, for about half, with one of `others`.

    The last is a negative, so that the head learns its own distortion alone. The draws depend on the seed
    and the content of the picture alone: a picture added later changes none of the others.
    """
    versions = _versions((target, *others))
    images: list[LabelledImage] = []
    for image in clean:
        digest = hashlib.sha256(f"{seed} {target.spec.label} {hashes[image.path]}".encode()).digest()
        own_seed = int.from_bytes(digest[:8])
        rng = np.random.default_rng([own_seed, 2])
        severity, other_severity = (float(s) for s in rng.uniform(MIN_SEVERITY, MAX_SEVERITY, 2))
        images.append(
            LabelledImage(path=image.path, label=False, clean=True, recipe=Distorted(step=None, seed=own_seed))
        )
        step, version = Step(spec=target.spec, severity=severity), versions[target.spec.label]
        recipe = Distorted(step=step, seed=own_seed, version=version)
        images.append(LabelledImage(path=image.path, label=True, severity=severity, recipe=recipe))
        if others and rng.random() < 0.5:
            other = others[int(rng.integers(len(others)))].spec
            step = Step(spec=other, severity=other_severity)
            recipe = Distorted(step=step, seed=own_seed, version=versions[other.label])
            images.append(LabelledImage(path=image.path, label=False, recipe=recipe))
    return tuple(images)


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
