"""Sections of a card: the scale of a head of quality, and what was measured of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dheads_cli.output.cards import Card

if TYPE_CHECKING:
    from distortion_heads.heads.head import HeadFile
    from distortion_heads.metrics.intervals import Interval
    from distortion_heads.training.heads.quality_head import QualitySpread


def quality_figures(head: HeadFile, spread: QualitySpread | None, noun: str) -> Card:
    """Return the scale of a head and its figures on held-out pictures, with their intervals where these are known."""
    scale, metrics = head.scale, head.metrics
    assert scale is not None
    return {
        "Scale": {
            "range": f"{scale.low:g} to {scale.high:g}, high is good",
            "meaning": scale.meaning,
            "learnt from": scale.target,
        },
        f"Measured on {metrics.n} {noun} ({metrics.split})": {
            "SROCC": _figure(metrics.srocc, None if spread is None else spread.srocc),
            "PLCC": _figure(metrics.plcc, None if spread is None else spread.plcc),
            "mean error": _figure(metrics.mae, None if spread is None else spread.mae),
        },
    }


def _figure(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" + ("" if interval is None else f"  (95 %: {interval[0]:.3f} to {interval[1]:.3f})")
