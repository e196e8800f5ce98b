"""What was measured before, kept under the hash of all that it depends on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import distortion_heads
from distortion_heads.spec import HeadSpec

ROOMS = ("_system", "io", "views", "backbones", "heads", "synthesis", "spec.py", "pipeline.py")
"""What the answer for a picture depends on, from its file to the probabilities."""


def code_digest(specs: Sequence[HeadSpec], rooms: Sequence[str] = ROOMS) -> str:
    """Return the SHA-256 over the source of `rooms` of the library and of the modules beside each generator."""
    library = Path(distortion_heads.__file__).parent
    generators = [sys.modules.get(getattr(spec.synthesize, "__module__", "")) for spec in specs]
    folders = {Path(module.__file__).parent for module in generators if module and module.__file__}
    sources = {source for folder in folders for source in folder.glob("*.py")}
    for room in rooms:
        place = library / room
        sources |= set(place.rglob("*.py")) if place.is_dir() else {place}
    return sha256("".join(sorted(sha256(source.read_bytes()) for source in sources)).encode())


def sha256(data: bytes) -> str:
    """Return the hex digest."""
    return hashlib.sha256(data).hexdigest()
