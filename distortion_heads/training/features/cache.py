"""Features in files of the user's cache folder, found by all that decides them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import replacing
from distortion_heads.datasets.labelled_image import Source
from distortion_heads.spec import View, view_key
from distortion_heads.training.features.compute import MAX_FRAME_WINDOWS, MAX_WINDOWS, Features, ImageFeatures

FORMAT = "dheads features 4"

_HEADER = struct.Struct("<?QIII")
_CHECKSUM_BYTES = 32


@dataclass(frozen=True)
class FeatureCache:
    """One small file per picture or video below `folder`; a damaged one is as good as none."""

    folder: Path

    @classmethod
    def default(cls, environ: Mapping[str, str]) -> FeatureCache:
        """Return the cache in `$DHEADS_CACHE`, else `$DHEADS_HOME/cache`, else the user's cache folder."""
        if chosen := environ.get("DHEADS_CACHE"):
            return cls(Path(os.path.expanduser(chosen)))  # noqa: PTH111 - Path raises for an unknown user
        if home := environ.get("DHEADS_HOME"):
            return cls(Path(os.path.expanduser(home)) / "cache")  # noqa: PTH111
        from platformdirs import user_cache_path

        return cls(user_cache_path("dheads"))

    def path(self, key: str) -> Path:
        return self.folder / "features" / key[:2] / key

    def read(self, key: str, dim: int) -> Features | None:
        """Return what was written for `key`, bit for bit; None if there is nothing or it is damaged."""
        try:
            return _from_bytes(key, self.path(key).read_bytes(), dim)
        except OSError:
            return None

    def write(self, key: str, features: Features) -> None:
        """Keep the features if they can be written; other processes see all of them or nothing."""
        self._put(key, _to_bytes(key, features))

    def read_numbers(self, key: str) -> NDArray[np.float64] | None:
        """Return the numbers that were written for `key`, bit for bit; None if there are none or they are damaged."""
        try:
            data = self.path(key).read_bytes()
        except OSError:
            return None
        body = data[:-_CHECKSUM_BYTES]
        whole = _checksum(key, body) == data[-_CHECKSUM_BYTES:]
        return np.frombuffer(body, "<f8").astype(np.float64) if whole else None

    def write_numbers(self, key: str, numbers: NDArray[np.float64]) -> None:
        """Keep numbers of a file if they can be written, as `write` does features."""
        body = numbers.astype("<f8").tobytes()
        self._put(key, body + _checksum(key, body))

    def _put(self, key: str, data: bytes) -> None:
        path = self.path(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, sync=False) as temporary:  # the checksum finds a torn one
                temporary.write_bytes(data)


def cache_key(
    source: Source, content: str, fingerprint: str, view: View, frame_windows: int = MAX_FRAME_WINDOWS
) -> str:
    """Return the SHA-256 (hex) of all that decides the features; `content` is the SHA-256 of the file."""
    made = source.recipe.key if source.recipe else "as it is"
    made += f"; {source.form.key}" if source.form else ""
    taken = f"{source.clip.key} {frame_windows}" if source.clip else f"still {MAX_WINDOWS}"
    return hashlib.sha256("\0".join((FORMAT, content, fingerprint, view_key(view), made, taken)).encode()).hexdigest()


def _to_bytes(key: str, features: Features) -> bytes:
    """Write a header and float16 windows for each frame; at the end a checksum, which includes the key."""
    parts = []
    for image in features.frames:
        parts.append(_HEADER.pack(image.scene is not None, image.scene or 0, *image.size, len(image.windows)))
        parts.append(image.windows.astype("<f2").tobytes())
    body = b"".join(parts)
    return body + _checksum(key, body)


def _from_bytes(key: str, data: bytes, dim: int) -> Features | None:
    """Read what `_to_bytes` wrote; None if that was another key or `dim`, or the data is damaged."""
    body = data[:-_CHECKSUM_BYTES]
    if _checksum(key, body) != data[-_CHECKSUM_BYTES:]:
        return None
    images, place = [], 0
    while place < len(body):
        if len(body) - place < _HEADER.size:
            return None
        known, scene, height, width, count = _HEADER.unpack_from(body, place)
        place += _HEADER.size
        end = place + 2 * dim * count
        if count == 0 or end > len(body):
            return None
        windows = np.frombuffer(body[place:end], "<f2").reshape(count, dim).astype(np.float16)
        images.append(ImageFeatures(windows=windows, scene=scene if known else None, size=(height, width)))
        place = end
    return Features(frames=tuple(images)) if images else None


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode() + body).digest()
