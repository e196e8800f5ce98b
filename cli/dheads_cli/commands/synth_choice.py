"""`dheads synth`: which distortions are made, and which metrics compare the result with the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from distortion_heads.errors import DataError

if TYPE_CHECKING:
    from distortion_heads.registry.build import Registry
    from distortion_heads.spec import HeadSpec
    from distortion_heads.synthesis.level_sets import LevelSet, LevelSetName


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


def was_given(ctx: click.Context, name: str) -> bool:
    """Return whether an option was given on the command line."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def level_set_of(ctx: click.Context, registry: Registry, name: LevelSetName, distortions: str) -> LevelSet:
    """Return the distortions and levels of the set `name`, or those of it in "A,B".

    Raises `DheadsError`, and `click.UsageError` with options that say something else.
    """
    from distortion_heads.synthesis.level_sets import level_set

    for other in ("kadis", "severities"):
        if was_given(ctx, other):
            raise click.UsageError(f"--{other} does not go with --levels, which has levels of its own", ctx)
    chosen = tuple(label.strip() for label in distortions.split(",") if label.strip())
    kinds = {label: head.spec for label, head in registry.heads.items()}
    return level_set(name, kinds, None if chosen == ("all",) else chosen)


def metrics_of(scores: str | None, kadis: bool, levels: LevelSetName | None) -> tuple[str, ...]:
    """Return the metrics of "A,B"; without it those of DeepFL-IQA with `kadis`, of Lai, Chu, Leng with `levels`.

    Raises `DheadsError`.
    """
    from distortion_heads.metrics.pseudo_opinion import LAI
    from distortion_heads.metrics.reference.table import DEEPFL, find_metrics

    if scores is None:
        return DEEPFL if kadis else LAI if levels else ()
    names = [name.strip() for name in scores.split(",") if name.strip()]
    if not names:
        raise DataError("--scores names no metric")
    return tuple(metric.name for metric in find_metrics(names))
