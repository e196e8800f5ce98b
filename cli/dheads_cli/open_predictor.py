"""The predictor of a command: the heads and the backbone that its options ask for."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dheads_cli.backbones import chosen_backbone
from distortion_heads.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dheads_cli.session import Session
    from distortion_heads.pipeline import Predictor


def make_predictor(
    session: Session,
    heads: Sequence[str] | None,
    device: str,
    max_pixels: int | None,
    threads: int | None,
    backbone: str | None,
    profile: str | None = None,
    *,
    heat: bool = False,
) -> Predictor:
    """Open the heads that the options ask for, and say what is left out. Raises `RegistryError` if none can be used."""
    from distortion_heads.io.images import DEFAULT_MAX_PIXELS
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.attached import problem_lines

    limit = DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    spec, registry = chosen_backbone(session, backbone)
    own = session.profile(profile)
    make: type[Predictor] = Predictor
    if heat:
        from distortion_heads.heat.predictor import HeatPredictor

        make = HeatPredictor
    predictor = make(
        heads, registry=registry, backbone=spec, device=device, threads=threads, max_pixels=limit, profile=own
    )
    session.report(problem_lines(predictor.problems, backbone))
    if not predictor.video_heads and not predictor.quality_heads:
        place = "" if backbone is None else f" LABEL --data PATH --backbone {shlex.quote(backbone)}"
        raise RegistryError(f"no head can be used: train one with `dheads add-head{place}`, or see `dheads list`")
    return predictor
