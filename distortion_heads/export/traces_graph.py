"""`views.traces` as nodes: what faults leave between neighbours and among colours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from distortion_heads.export.tensors import Tensor, continued, counted, joined, luma, where
from distortion_heads.views.traces import (
    BANDS,
    CHROMAS,
    DEPTH,
    FEW,
    HUES,
    LEAST_SIDE,
    MOST_COLOURS,
    MOST_PIXELS,
    NEAR,
    QUARTERS,
    SATURATIONS,
    SEGMENT,
    SPANS,
    STEPS,
    TELLING,
    TOPS,
)
from distortion_heads.views.units import FEATURE_LIMIT


def traces(pixels: Tensor) -> Tensor:
    """`views.traces.traces` of uint8 (H, W, 3): float32 (1, 204)."""
    pixels = continued(pixels, LEAST_SIDE)
    flat = pixels.reshape(-1, 3)
    every = (flat.length(0) / MOST_COLOURS).maximum(1)
    parts = [_colours(flat.part(0, 0, flat.length(0), every).cast(np.int64))]
    parts += [_along(_thinned(pixels, axis)) for axis in (0, 1)]
    return joined(parts, 0).op("Clip", -FEATURE_LIMIT, FEATURE_LIMIT).cast(np.float32).reshape(1, -1)


def _thinned(pixels: Tensor, axis: int) -> Tensor:
    """Every n-th row or column, as rows: int32 (R, C, 3)."""
    count = pixels.length(0) * pixels.length(1)
    every = ((count + (MOST_PIXELS - 1)) / MOST_PIXELS).minimum(pixels.length(axis) / LEAST_SIDE).maximum(1)
    rows = pixels.part(axis, 0, pixels.length(axis), every).cast(np.int32)
    return rows if axis == 0 else rows.op("Transpose", perm=[1, 0, 2])


def _colours(pixels: Tensor) -> Tensor:
    """float64 (118,) of int64 (n, 3)."""
    red, green, blue = (pixels.take(channel, 1) for channel in range(3))
    levels = luma(pixels, 1)
    most = red.maximum(green).maximum(blue)
    saturation = most - red.minimum(green).minimum(blue)
    chromas = [(((channel - levels) + 64).maximum(0) / 16).minimum(CHROMAS - 1) for channel in (blue, red)]
    code = ((red / 8) * DEPTH + green / 8) * DEPTH + blue / 8
    kinds = (counted(code, DEPTH**3) > 0).cast(np.float64).sum(0)
    grey = saturation.op("Equal", 0, dtype=np.bool_).cast(np.float64).mean()
    return joined(
        [
            _log_shares(counted(saturation / 16, SATURATIONS), 4.0),
            _log_shares(counted(chromas[0] * CHROMAS + chromas[1], CHROMAS**2), 2.0),
            _log_shares(counted(_hue(red, green, blue, most, saturation), HUES, saturation), 4.0),
            _tinges(levels / 64, [blue - levels, red - levels, saturation]),
            _log10(grey + 10 * FEW).reshape(1),
            ((kinds.op("Log") * (1 / np.log(2))) - 11).reshape(1),
        ],
        0,
    )


def _log_shares(counts: Tensor, centre: float) -> Tensor:
    total = counts.sum(0).maximum(1).cast(np.float64)
    return (((counts.cast(np.float64) * 5000.0) / total) + 1.0).op("Log") - centre


def _hue(red: Tensor, green: Tensor, blue: Tensor, most: Tensor, saturation: Tensor) -> Tensor:
    span, third = saturation.maximum(1), HUES // 3
    from_red = (((green - blue + span) * 4) / span + (HUES - 4)).op("Mod", HUES)
    from_green = ((blue - red + span) * 4) / span + (third - 4)
    from_blue = ((red - green + span) * 4) / span + (2 * third - 4)
    is_red, is_green = (most.op("Equal", channel, dtype=np.bool_) for channel in (red, green))
    return where(is_red, from_red, where(is_green, from_green, from_blue))


def _tinges(quarter: Tensor, values: list[Tensor]) -> Tensor:
    count = counted(quarter, QUARTERS)
    share = count.cast(np.float64) / count.sum(0).cast(np.float64)
    told = share / ((share + TELLING) * 20.0)
    some = count.maximum(1).cast(np.float64)
    return joined([told * (counted(quarter, QUARTERS, value).cast(np.float64) / some) for value in values], 0)


def _along(rows: Tensor) -> Tensor:
    """float64 (43,) of int32 (R, C, 3)."""
    levels = luma(rows, 2)
    columns = levels.length(1)
    before, middle, after = (levels.part(1, i, columns - (2 - i)) for i in range(3))
    first = (levels.part(1, 1, columns) - levels.part(1, 0, columns - 1)).op("Abs")
    second = ((after - middle) - (middle - before)).op("Abs").minimum(255)
    bands = _in_bands(first)
    whole = bands.mean(0).with_axis(0)
    return joined([_step_shares(first), _step_shares(second), _lines(whole), _lines(bands), _flat(levels)], 0)


def _step_shares(steps: Tensor) -> Tensor:
    counts = counted(steps.reshape(-1).cast(np.int64), 256).cast(np.float64)
    ends = np.append(STEPS, 256)
    sums = [counts.part(0, int(a), int(b)).sum(0).reshape(1) for a, b in pairwise(ends)]
    return _log10((joined(sums, 0) / counts.sum(0)) + FEW) + 2.0


def _in_bands(values: Tensor) -> Tensor:
    each = values.length(0) / BANDS
    kept = values.part(0, 0, each * BANDS).cast(np.float64)
    return kept.shaped(BANDS, each, values.length(1)).mean(1)


def _lines(profile: Tensor) -> Tensor:
    """float64 (6,) of float64 (bands, C)."""
    places = profile.length(1).range()
    last = profile.length(1) - 1
    steps = [step for step in range(-NEAR, NEAR + 1) if step]
    around = joined([profile.take((places + step).maximum(0).minimum(last), 1).with_axis(0) for step in steps], 0)
    highest = around.op("ReduceMax", axes=[0], keepdims=0)
    clear = ((profile - highest) / (around.mean(0) + 1.0)).reshape(-1)
    return clear.take(clear.highest(max(TOPS) + 1), 0).take(np.array(TOPS), 0)


def _flat(grey: Tensor) -> Tensor:
    pieces = grey.length(1) / SEGMENT
    values = grey.part(1, 0, pieces * SEGMENT).shaped(grey.length(0), pieces, SEGMENT)
    ends = [values.op(f"Reduce{end}", axes=[2], keepdims=0) for end in ("Max", "Min")]
    span = (ends[0] - ends[1]).reshape(-1)
    shares = [(span <= most).cast(np.float64).mean().reshape(1) for most in SPANS]
    return _log10(joined(shares, 0) + 100 * FEW) + 2.0


def _log10(values: Tensor) -> Tensor:
    return values.op("Log") * float(1 / np.log(10))
