"""`dheads show`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dheads_cli.options import PROFILE
from dheads_cli.output.cards import Card, figure, kibibytes, limit_text, share, write_card
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.head_facts import HeadFacts, bundled_ref, read_facts
from dheads_cli.output.quality_card import quality_figures
from dheads_cli.session import session_of
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.spec import FAMILY, TEMPORAL, width_of

if TYPE_CHECKING:
    from distortion_heads.heads.head import HeadFile


@click.command()
@click.argument("label")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@PROFILE
@click.pass_context
def show(ctx: click.Context, label: str, as_json: bool, profile: str | None) -> None:
    """Show the card of one head: what it detects, how it was trained, what was measured.

    LABEL may be a family: that is its own head, or a list of its kinds where it has none.
    """
    session = session_of(ctx)
    registry = session.checked_registry()
    members = registry.family(label)
    kinds = [head.spec.label for head in members if head.spec.scope != FAMILY]
    if members and label not in registry.heads:
        _show_family(label, kinds, as_json)
        return
    fact = read_facts(registry.head(label), bundled_ref(), session.profile(profile))
    if as_json:
        stdout_stream(machine=True).write(f"{to_json_line(fact.card())}\n")
    else:
        write_card(f"{fact.label}: {fact.title}", _card(fact, kinds))
    session.report([f"head {fact.label!r} cannot be used: {fact.problem}"] if fact.problem else [])


def _show_family(family: str, kinds: Sequence[str], as_json: bool) -> None:
    if as_json:
        line = to_json_line({"label": None, "family": family, "scope": FAMILY, "kinds": list(kinds)})
        stdout_stream(machine=True).write(f"{line}\n")
        return
    about = {"family": family, "head of its own": "none: its most probable kind answers for it"}
    write_card(f"{family}: a family", {"": {**about, "kinds": ", ".join(kinds)}})


def _card(fact: HeadFacts, kinds: Sequence[str]) -> Card:
    spec, file = fact.spec, fact.file
    about = {
        "description": spec.description,
        "source": spec.source or "-",
        "family": fact.family,
        "owner": str(fact.owner),
        "synthesizer": "yes" if spec.can_synthesize else "no",
        "weights": fact.problem or "none yet",
    }
    if spec.scope == FAMILY:
        del about["synthesizer"]
        about |= {"scope": "the family as a whole", "kinds": ", ".join(kinds) or "-"}
        about |= {"makes": ", ".join(make.name for make in spec.makes) or "-"}
    if file is None:
        return {"": about}
    about |= {"weights": f"{spec.weights} ({kibibytes(fact.size)})", "license": file.license}
    sizes = [width_of(file.view, file.backbone.dim), *(len(layer.bias) for layer in file.layers)]
    model = {
        "view": file.view,
        "outputs": ", ".join(file.outputs),
        "layers": " - ".join(map(str, sizes)),
        "backbone": f"{file.backbone.name}@{file.backbone.fingerprint}",
        "calibration": _calibration(fact),
    }
    if file.scale is None:
        pooling = f"quantile {file.pooling.quantile:g} of the windows" if file.pooling else "mean of the windows"
        model |= {
            "threshold": f"{limit_text(file.threshold.value, 4)} ({file.threshold.objective})",
            "pooling": pooling,
        }
    noun = "frames" if file.view == TEMPORAL else "pictures"
    figures = _figures(file, noun) if file.scale is None else quality_figures(file, None, noun)
    return {"": about, "Model": model, **figures, "Trained on": _origin(file)}


def _figures(file: HeadFile, noun: str) -> Card:
    metrics = file.metrics
    return {
        f"Measured on {metrics.n} {noun} ({metrics.split})": {
            "AUROC": figure(metrics.auroc),
            "AP": figure(metrics.ap),
            "F1": figure(metrics.f1),
            "ECE": figure(metrics.ece),
            "false alarms on clean": share(metrics.fpr_clean),
        }
    }


def _origin(file: HeadFile) -> dict[str, str]:
    origin = file.provenance
    counts = f"{origin.n_pos} positive, {origin.n_neg} negative" if file.scale is None else f"{origin.n_pos} rated"
    return {
        "data": f"{origin.data} ({counts})",
        "SHA-256 of the data": origin.data_sha256,
        "licences of the data": ", ".join(origin.image_licenses) or "not stated",
        "command": origin.command,
        "seed": str(origin.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in origin.versions.items()) or "-",
        "created with": file.created_with,
    }


def _calibration(fact: HeadFacts) -> str:
    assert fact.file is not None
    calibration = fact.file.calibration
    if calibration.knots:
        return f"{calibration.method}, {len(calibration.knots)} knots"
    return ", ".join([calibration.method, *(f"{name} {value:.4g}" for name, value in calibration.params.items())])
