"""Heads fitted before the views told where light drifts: they are read as they were, and give it no weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from distortion_heads.heads.head import HeadFile
from distortion_heads.spec import DRIFT, FULL, LIGHT, TONES, View, width_of


def earlier_width(view: View, dim: int) -> int:
    """Return what `width_of` was before there was drift."""
    return width_of(view, dim) - (DRIFT if view in (LIGHT, FULL) else 0)


def with_drift(head: HeadFile) -> HeadFile:
    """Return a head that reads today's views and says what `head` says, whichever of the two it was fitted on."""
    first, *others = head.layers
    dim = head.backbone.dim
    missing = width_of(head.view, dim) - first.weight.shape[1]
    if not missing:
        return head
    place = (2 * dim if head.view == FULL else dim) + TONES
    before, after = first.weight[:, :place], first.weight[:, place:]
    weight = np.concatenate([before, np.zeros((len(before), missing), np.float32), after], axis=1)
    weight.setflags(write=False)
    return replace(head, layers=(replace(first, weight=weight), *others))
