"""Mean opinions of people of a distortion of a given strength: those of KADID-10k, between its levels too.

Means over the 81 references of the 10,125 published opinions (Lin, Hosu, Saupe 2019; 5 imperceptible, 1 very annoying),
by the physical parameter of each level, so that they hold for our own strengths as well. A picture without any change
is rated 4.6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from distortion_heads.synthesis.visibility import UNCHANGED

LOWEST = 1.1
"""No mean opinion of a type and level lies below 1.3; beyond the strongest level the last slope goes on to here."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Mean opinions at values of a parameter, from mild to strong; the first value is one that nobody sees."""

    parameter: str
    values: tuple[float, ...]
    means: tuple[float, ...]
    log: bool = True


def _anchor(parameter: str, unseen: float, values: str, means: str, *, log: bool = True) -> Anchor:
    levels, opinions = tuple(map(float, values.split())), tuple(map(float, means.split()))
    return Anchor(parameter=parameter, values=(unseen, *levels), means=(UNCHANGED, *opinions), log=log)


ANCHORS: Mapping[str, Anchor] = {
    "gaussian_blur": _anchor("sigma", 0.3, "0.5 1 2 5", "4.38 2.91 1.87 1.30"),
    "lens_blur": _anchor("radius", 0.5, "1 2 4 6 8", "3.86 2.65 1.76 1.44 1.30"),
    "motion_blur": _anchor("length", 1, "2 4 6 10", "4.10 2.85 2.18 1.67"),
    "color_diffusion": _anchor("amount", 0.8, "1 3 6 8 12", "4.50 2.60 1.76 1.61 1.39"),
    "color_shift": _anchor("shift", 0.5, "1 3 6 12", "4.23 2.55 1.92 1.86"),
    "color_quantization": _anchor("colors", 200, "64 48 32 16 8", "4.11 3.97 3.72 3.20 2.42"),
    "color_saturation_hsv": _anchor("factor", 1, "0.4 0.2 0.1 0", "2.75 2.33 2.26 2.24", log=False),
    "color_saturation_lab": _anchor("factor", 1, "2 3 6 9", "3.33 2.65 1.82 1.52"),
    "jpeg2000": _anchor("ratio", 10, "16 32 45 120 400", "4.55 4.20 3.87 2.44 1.39"),
    "jpeg": _anchor("quality", 90, "43 36 24 7 4", "4.34 4.25 3.87 1.95 1.35"),
    "white_noise": _anchor("variance", 1e-4, "0.001 0.002 0.003 0.005 0.01", "3.89 3.39 3.05 2.71 2.30"),
    "white_noise_ycbcr": _anchor("variance", 5e-5, "0.0001 0.0005 0.001 0.002 0.003", "4.47 3.68 3.17 2.69 2.38"),
    "impulse_noise": _anchor("density", 1e-4, "0.001 0.005 0.01 0.02 0.03", "3.58 2.93 2.61 2.31 2.13"),
    "multiplicative_noise": _anchor("variance", 5e-4, "0.001 0.005 0.01 0.02 0.05", "4.40 3.58 3.08 2.64 2.12"),
    "denoise": _anchor("variance", 1e-3, "0.01 0.03 0.05 0.1 0.15", "3.67 2.73 2.20 1.65 1.47"),
    "brighten": _anchor("amount", 0, "0.1 0.2 0.4 0.7 1.1", "4.51 4.29 3.63 2.70 1.81", log=False),
    "darken": _anchor("amount", 0, "0.05 0.1 0.2 0.4 0.8", "4.60 4.53 4.23 3.53 2.22", log=False),
    # means of both signs, for ours are drawn
    "mean_shift": _anchor("shift", 0, "0.08 0.15", "4.45 4.06", log=False),
    "contrast_change": _anchor("amount", 0, "0.2 0.35 0.4 0.5", "4.21 3.69 3.52 3.16", log=False),
    "jitter": _anchor("amount", 0.02, "0.05 0.1 0.2 0.5 1", "4.42 4.09 3.24 1.85 1.34"),
    "non_eccentricity_patch": _anchor("patches", 0, "20 40 60 80 100", "4.33 3.94 3.77 3.46 3.26", log=False),
    "pixelate": _anchor("strength", 0.003, "0.01 0.05 0.1 0.2 0.5", "3.89 3.10 2.90 2.79 1.50"),
    "quantization": _anchor("thresholds", 40, "20 16 13 10 7", "4.17 3.93 3.69 3.37 2.80"),
    "color_block": _anchor("blocks", 0, "2 4 6 8 10", "2.69 2.36 2.30 2.13 2.04", log=False),
    "high_sharpen": _anchor("amount", 0.4, "1 2 3 6 12", "3.58 2.64 2.14 1.61 1.34"),
}
"""The anchors of all types that KADID-10k has."""


def opinion(label: str, parameters: Mapping[str, float]) -> float | None:
    """Return the mean opinion, 1.1 to 4.6, of the distortion `label` of these parameters; None without an anchor."""
    anchor = ANCHORS.get(label)
    if anchor is None or anchor.parameter not in parameters:
        return None
    return _between(anchor, parameters[anchor.parameter])


def _between(anchor: Anchor, value: float) -> float:
    """Return the opinion at `value` on straight lines through the anchor's points; the last one goes on."""
    scale = math.log if anchor.log else float
    places = [scale(x) for x in anchor.values]
    sign = 1 if places[-1] > places[0] else -1
    at = sign * scale(value)
    places = [sign * place for place in places]
    if at <= places[0]:
        return anchor.means[0]
    after = next((i for i, place in enumerate(places) if place >= at), len(places) - 1)
    share = (at - places[after - 1]) / (places[after] - places[after - 1])
    mean = anchor.means[after - 1] + share * (anchor.means[after] - anchor.means[after - 1])
    return max(mean, LOWEST)
