"""Scores of the pictures that were made, by full-reference metrics: kept, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distortion_heads._system.atomic import replacing
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.float_images import to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.metrics.reference.table import compare_pixels, find_metrics

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FOLDER = ".scores"


def kept_scores(folder: Path, file: str, metrics: Sequence[str], clean: Callable[[], FloatImage]) -> str:
    """Return the values of `metrics` for the picture `file` in `folder`, as JSON; those that it is too small for lack.

    They are computed once; `clean()` is its original, float32 (H, W, 3). Raises `DataError` if they cannot be kept.
    """
    path = folder / FOLDER / f"{file}.json"
    try:
        text = path.read_text(encoding="utf-8")
        if list(json.loads(text)["asked"]) == list(metrics):
            return json.dumps(json.loads(text)["scores"])
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not there, or torn: computed again
    try:
        found = compare_pixels(to_uint8(clean()), load_image(folder / file), find_metrics(metrics))
        scores = {name: float(f"{value:.7g}") for name, value in found.values.items()}
    except InputError:
        scores = {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, sync=False) as temporary:
            temporary.write_text(json.dumps({"asked": list(metrics), "scores": scores}), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {reason(error)}") from None
    return json.dumps(scores)
