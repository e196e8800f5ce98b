"""Check what a head file must hold to be one of quality, and what only such a file may hold."""

from __future__ import annotations

from itertools import pairwise

from distortion_heads.errors import HeadSchemaError
from distortion_heads.heads.head import HeadFile
from distortion_heads.spec import QUALITY, TEMPORAL


def outputs_of(head: HeadFile) -> int:
    """Return how many outputs the last layer must have; two for each type of a mixture, as many as it has."""
    if head.layers and head.layers[-1].activation == "softmax_mixture":
        return head.layers[-1].out
    return len(head.outputs)


def check_quality(head: HeadFile) -> None:
    """Raise `HeadSchemaError` where what makes a head one of quality does not go together."""
    is_quality = head.outputs == ("quality",)
    if is_quality != (head.scope == QUALITY) or is_quality != (head.scale is not None):
        raise HeadSchemaError('a head of quality has the outputs ["quality"], the scope "quality" and a scale')
    _check_mixture(head)
    _check_calibration(head)
    if head.scale is None:
        return
    if not head.scale.low < head.scale.high:
        raise HeadSchemaError(f"the scale ends at {head.scale.high:g}, but begins at {head.scale.low:g}")
    if head.view == TEMPORAL:
        raise HeadSchemaError(f"a head of quality reads single pictures, not the view {head.view!r}")
    if head.pooling is not None:
        raise HeadSchemaError("a head of quality takes the mean of the windows, not a quantile")


def _check_mixture(head: HeadFile) -> None:
    for place, layer in enumerate(head.layers):
        if layer.activation != "softmax_mixture":
            continue
        if head.scale is None or place + 1 < len(head.layers):
            raise HeadSchemaError("a softmax_mixture is the last layer of a head of quality")
        if layer.out % 2 or layer.out < 4:
            raise HeadSchemaError(f"a softmax_mixture has two outputs for each of its types, not {layer.out} in all")


def _check_calibration(head: HeadFile) -> None:
    calibration = head.calibration
    if (calibration.method == "monotone") != bool(calibration.knots):
        raise HeadSchemaError("a monotone calibration, and no other, has knots")
    if calibration.method != "none" and (calibration.method == "monotone") != (head.scale is not None):
        raise HeadSchemaError("a monotone calibration is for a head of quality, and it has no other")
    pairs = pairwise(calibration.knots)
    if any(after.raw <= before.raw or after.value < before.value for before, after in pairs):
        raise HeadSchemaError("the knots of a monotone calibration do not rise")
