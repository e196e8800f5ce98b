"""The metrics of piq, each with the settings of its paper's own code where piq's differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from distortion_heads.errors import InputError, MissingExtraError
from distortion_heads.io.float_images import to_float
from distortion_heads.metrics.reference.metric import Pixels, ReferenceMetric

if TYPE_CHECKING:
    import torch


def _tensor(pixels: Pixels) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(to_float(pixels).transpose(2, 0, 1))[None])


def _score(function: str, title: str, options: dict[str, Any], reference: Pixels, distorted: Pixels) -> float:
    """Return `piq.FUNCTION`. Raises `MissingExtraError` without piq, `InputError` where a picture is too plain."""
    try:
        import piq
        import torch
    except ModuleNotFoundError:
        raise MissingExtraError(f"the metric {title}") from None
    try:
        with torch.inference_mode():
            return float(getattr(piq, function)(_tensor(reference), _tensor(distorted), data_range=1.0, **options))
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]  # a flat picture has no covariance to invert
        raise InputError(f"{title} is not defined for these pictures: they are too plain for it") from None


def _metric(
    name: str, title: str, function: str, *, worst: float, least: int, color: bool, source: str, **options: Any
) -> ReferenceMetric:
    return ReferenceMetric(
        name=name,
        title=title,
        best=0.0 if worst else 1.0,
        worst=worst,
        least=least,
        color=color,
        source=source,
        score=partial(_score, function, title, options),
    )


_SSIM = _metric(
    "ssim", "SSIM", "ssim", worst=0.0, least=11, color=True, source="Wang et al. 2004, mean over the channels"
)
_MS_SSIM = _metric(
    "ms_ssim", "MS-SSIM", "multi_scale_ssim", worst=0.0, least=161, color=True, source="Wang, Simoncelli, Bovik 2003"
)
_IW_SSIM = _metric(
    "iw_ssim", "IW-SSIM", "information_weighted_ssim", worst=0.0, least=161, color=False, source="Wang, Li 2011"
)
_VIF = _metric("vif", "VIF", "vif_p", worst=0.0, least=41, color=False, source="Sheikh, Bovik 2006, by pixels")
_FSIM = _metric(
    "fsim", "FSIM", "fsim", worst=0.0, least=16, color=False, source="Zhang et al. 2011, luma", chromatic=False
)
_FSIMC = _metric("fsimc", "FSIMc", "fsim", worst=0.0, least=16, color=True, source="Zhang et al. 2011, color")
_SR_SIM = _metric(
    "sr_sim", "SR-SIM", "srsim", worst=0.0, least=36, color=False, source="Zhang, Li 2012", gaussian_size=9
)
_VSI = _metric("vsi", "VSI", "vsi", worst=0.0, least=16, color=True, source="Zhang, Shen, Li 2014")
_HAARPSI = _metric("haarpsi", "HaarPSI", "haarpsi", worst=0.0, least=16, color=True, source="Reisenhofer et al. 2018")
_DSS = _metric("dss", "DSS", "dss", worst=0.0, least=36, color=False, source="Balanov et al. 2015")
_MDSI = _metric("mdsi", "MDSI", "mdsi", worst=1.0, least=16, color=True, source="Nafchi et al. 2016")
_GMSD = _metric("gmsd", "GMSD", "gmsd", worst=0.35, least=16, color=False, source="Xue et al. 2014")
_MS_GMSD = _metric(
    "ms_gmsd",
    "MS-GMSDc",
    "multi_scale_gmsd",
    worst=0.35,
    least=17,
    color=True,
    source="Zhang et al. 2017",
    chromatic=True,
)

PIQ = (_SSIM, _MS_SSIM, _IW_SSIM, _VIF, _FSIM, _FSIMC, _SR_SIM, _VSI, _HAARPSI, _DSS, _MDSI, _GMSD, _MS_GMSD)
