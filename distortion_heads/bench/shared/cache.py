"""Arrays that were measured before, kept under the hash of all that they depend on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import distortion_heads
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_files
from distortion_heads.spec import HeadSpec

ROOMS = ("_system", "io", "views", "backbones", "heads", "synthesis", "answers.py", "spec.py", "pipeline.py")
"""The rooms that the answer for a picture depends on, from its file to the probabilities."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Arrays on disk, one file for each item. `key` stands for all that they depend on besides the item."""

    folder: Path
    key: str

    def load(self, item: bytes) -> dict[str, NDArray[np.generic]] | None:
        """Return the arrays kept for `item`, or None."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays: dict[str, NDArray[np.generic]] = load((self.folder / self._name(item)).read_bytes())
        except (OSError, SafetensorError):
            return None
        return arrays

    def save(self, item: bytes, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep `arrays` for `item`. Raises `DataError` if the folder cannot be written."""
        from safetensors.numpy import save

        write_files(self.folder, {self._name(item): save(dict(arrays))})

    def _name(self, item: bytes) -> str:
        return f"{sha256(self.key.encode() + item)[:32]}.safetensors"


def cache_key(predictor: Predictor, specs: Sequence[HeadSpec], *parts: object, rooms: Sequence[str] = ROOMS) -> str:
    """Return the SHA-256 over the backbone, the head files, the source code of `rooms` and the repr of `parts`."""
    heads = [(spec.label, spec.family, sha256(spec.weights.read_bytes())) for spec in specs if spec.weights]
    content = (predictor.backbone.ref.fingerprint, heads, code_digest(specs, rooms), parts)
    return sha256(repr(content).encode())


def code_digest(specs: Sequence[HeadSpec], rooms: Sequence[str] = ROOMS) -> str:
    """Return the SHA-256 over the source of `rooms` of the library and of the modules beside each generator."""
    library = Path(distortion_heads.__file__).parent
    makers = [maker for spec in specs for maker in (spec.synthesize, spec.synthesize_clip) if maker is not None]
    modules = [sys.modules.get(getattr(maker, "__module__", "")) for maker in makers]
    folders = {Path(module.__file__).parent for module in modules if module and module.__file__}
    sources = {source for folder in folders for source in folder.glob("*.py")}
    for room in rooms:
        place = library / room
        sources |= set(place.rglob("*.py")) if place.is_dir() else {place}
    return sha256("".join(sorted(sha256(source.read_bytes()) for source in sources)).encode())


def sha256(data: bytes) -> str:
    """Return the hex digest."""
    return hashlib.sha256(data).hexdigest()
