"""One picture that every machine makes alike, and what heads say of it: the test of a package compares with that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distortion_heads.registry.build import Registry


def sample_picture() -> Any:
    """Return a picture of stripes, waves and tiles, uint8 (224, 320, 3)."""
    import numpy as np

    y, x = np.mgrid[0:224, 0:320]
    channels = ((x * 3 + y) % 256, (x * y // 64) % 256, (x // 16 + y // 16) % 2 * 200)
    return np.stack(channels, axis=-1).astype(np.uint8)


def answers_for(labels: Sequence[str], registry: Registry) -> dict[str, float]:
    """Return each head's probability for the sample picture; heads that judge successive frames have none."""
    from distortion_heads.pipeline import Predictor

    prediction = Predictor(labels, registry=registry, threads=1).predict(sample_picture())
    return {head.label: round(head.probability, 6) for head in prediction.heads}
