"""Which distortions each is taken for, as `scripts/mistaken` wrote it from the report of `dheads bench accuracy`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files


def mistaken_for() -> Mapping[str, tuple[tuple[str, float], ...]]:
    """Return, by label, the labels that a distortion is taken for and how often, most often first."""
    text = (files("dheads_plugins") / "mistaken.json").read_text(encoding="utf-8")
    shares = json.loads(text)["taken_for"]
    return {label: tuple((other, float(share)) for other, share in others.items()) for label, others in shares.items()}
