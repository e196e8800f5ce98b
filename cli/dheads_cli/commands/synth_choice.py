"""`dheads synth`: which distortions are made, and which metrics compare the result with the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from distortion_heads.errors import DataError

if TYPE_CHECKING:
    from distortion_heads.registry.build import Registry
    from distortion_heads.spec import HeadSpec


def specs_of(registry: Registry, distortions: str) -> tuple[HeadSpec, ...]:
    """Return the distortions of "A,B" or "all". Raises `click.BadParameter` if there is none."""
    labels = [label.strip() for label in distortions.split(",") if label.strip()]
    if not labels:
        raise click.BadParameter("names no distortion", param_hint="--distortions")
    if labels == ["all"]:
        return tuple(head.spec for head in registry.select(None) if head.spec.synthesize is not None)
    return tuple(head.spec for head in registry.select(labels, member=lambda spec: spec.can_synthesize))


def kadis_specs(registry: Registry) -> tuple[HeadSpec, ...]:
    """Return the 25 distortions of KADID-10k, of which KADIS-700k is made."""
    from distortion_heads.synthesis.opinions import ANCHORS

    return tuple(head.spec for head in registry.select(list(ANCHORS)))


def metrics_of(scores: str | None, kadis: bool) -> tuple[str, ...]:
    """Return the metrics of "A,B"; without it those of DeepFL-IQA with `kadis`, else none. Raises `DheadsError`."""
    from distortion_heads.metrics.reference.table import DEEPFL, find_metrics

    if scores is None:
        return DEEPFL if kadis else ()
    names = [name.strip() for name in scores.split(",") if name.strip()]
    if not names:
        raise DataError("--scores names no metric")
    return tuple(metric.name for metric in find_metrics(names))
