"""All full-reference metrics, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from distortion_heads.errors import InputError
from distortion_heads.metrics.reference.from_piq import PIQ
from distortion_heads.metrics.reference.metric import Pixels, ReferenceMetric, check_pair
from distortion_heads.metrics.reference.psnr import PSNR
from distortion_heads.metrics.reference.sff import SFF

METRICS: Mapping[str, ReferenceMetric] = {metric.name: metric for metric in (PSNR, *PIQ, SFF)}

DEEPFL = ("ssim", "ms_ssim", "iw_ssim", "mdsi", "vsi", "fsimc", "gmsd", "sff", "sr_sim")
"""Nine of the eleven metrics of DeepFL-IQA (Lin, Hosu, Saupe 2020); of SCQI and ADD-GSIM no formulas were found."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The values of the metrics by name, and why others have none."""

    values: Mapping[str, float]
    missing: Mapping[str, str] = field(default_factory=dict)


def find_metrics(names: Iterable[str] | None) -> tuple[ReferenceMetric, ...]:
    """Return the metrics of these names, all for None. Raises `InputError` for a name that there is none of."""
    if names is None:
        return tuple(METRICS.values())
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in METRICS]:
        raise InputError(f"no metric {unknown[0]!r}: choose of {', '.join(METRICS)}")
    return tuple(METRICS[name] for name in wanted)


def compare_pixels(reference: Pixels, distorted: Pixels, metrics: Sequence[ReferenceMetric]) -> Comparison:
    """Compare two pictures, uint8 (H, W, 3). Raises `InputError` for two sizes, or if no metric can be computed."""
    check_pair(reference, distorted)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for metric in metrics:
        try:
            values[metric.name] = metric(reference, distorted)
        except InputError as error:
            missing[metric.name] = str(error)
    if not values:
        raise InputError(next(iter(missing.values()), "no metric was chosen"))
    return Comparison(values=values, missing=missing)
