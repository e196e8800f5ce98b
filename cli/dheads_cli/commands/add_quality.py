"""`dheads add-head LABEL --data ratings.csv`: a head of quality of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.output.cards import Card, kibibytes, write_card
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.output.quality_card import quality_figures
from dheads_cli.session import session_of

if TYPE_CHECKING:
    from distortion_heads.training.heads.add_quality import AddedQuality

KNOWN = {"data", "scale", "view", "title", "license", "seed", "max_pixels", "backbone", "force", "out"}
FLAGS = {"strict": False, "rivals": True}
"""Options of labels that are always given, and their defaults."""


def is_rated(data: Path) -> bool:
    """Return whether `data` is a CSV file of ratings."""
    from distortion_heads.datasets.ratings import has_ratings

    return has_ratings(data)


def add_quality_head(ctx: click.Context, label: str, given: dict[str, Any], as_json: bool) -> None:
    """Fit the head, attach it, and write what was measured."""
    from distortion_heads.datasets.ratings import parse_scale
    from distortion_heads.training.heads.add_quality import QualityRequest, fit_and_attach

    odd = [name for name in given if name not in KNOWN and given[name] != FLAGS.get(name)]
    if odd:
        raise click.UsageError(f"--{odd[0].replace('_', '-')} does not go with ratings", ctx)
    options = {name: value for name, value in given.items() if name in KNOWN}
    if "scale" in options:
        options["scale"] = parse_scale(options["scale"])
    session = session_of(ctx)
    registry = session.checked_registry()
    with progress_bar(ticking=True) as bar:
        added = fit_and_attach(
            QualityRequest(label=label, **options),
            session.store,
            registry,
            progress=lambda stage, done, total: bar.show(done, total, stage),
        )
    if added.warning is not None:
        session.warn(added.warning)
    if as_json:
        stdout_stream(machine=True).write(_json(label, added))
        return
    done = "fitted" if "out" in options else "fitted and attached"
    write_card(f"{label}: {done} in {added.seconds:.1f} s", _card(added))


def _card(added: AddedQuality) -> Card:
    size = kibibytes(added.path.stat().st_size)
    about = {"file": f"{added.path} ({size})", "fitted on": f"{added.pictures} pictures of {added.scenes} scenes"}
    return {"": about, **quality_figures(added.head, added.spread, "pictures")}


def _json(label: str, added: AddedQuality) -> str:
    import json
    from dataclasses import asdict

    metrics, scale = added.head.metrics, added.head.scale
    assert scale is not None
    found = {
        "label": label,
        "path": str(added.path),
        "seconds": round(added.seconds, 3),
        "pictures": added.pictures,
        "scenes": added.scenes,
        "measured": added.measured,
        "folds": added.folds,
        "scale": [scale.low, scale.high],
        "metrics": {"srocc": metrics.srocc, "plcc": metrics.plcc, "mae": metrics.mae},
        "intervals": asdict(added.spread),
        "warning": added.warning,
    }
    return f"{json.dumps(found, ensure_ascii=True)}\n"
