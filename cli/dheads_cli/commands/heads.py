"""`dheads list`, `show` and `remove-head`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dheads_cli.output.cards import Card, figure, kibibytes, share, write_card
from dheads_cli.output.console import is_terminal, printable, stdout_stream, styled, table_text
from dheads_cli.output.head_facts import HeadFacts, bundled_ref, read_facts
from dheads_cli.session import session_of
from distortion_heads.errors import RegistryError
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.spec import TEMPORAL, check_label, width_of

if TYPE_CHECKING:
    from distortion_heads.registry.build import RegisteredHead


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per head.")
@click.pass_context
def list_heads(ctx: click.Context, as_json: bool) -> None:
    """List the attached heads: what they detect, how well, and who brought them.

    AUROC is what was measured on held-out pictures when the head was trained.
    """
    session = session_of(ctx)
    backbone = bundled_ref()
    facts = [read_facts(head, backbone) for head in session.checked_registry().heads.values()]
    session.tell([f"head {fact.label!r} is left out: {fact.problem}" for fact in facts if fact.problem])
    if as_json:
        stream = stdout_stream(machine=True)
        for fact in facts:
            stream.write(f"{to_json_line(fact.summary())}\n")
        return
    _write_list([fact for fact in facts if fact.file], [fact for fact in facts if not fact.file and not fact.problem])


@click.command()
@click.argument("label")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def show(ctx: click.Context, label: str, as_json: bool) -> None:
    """Show the card of one head: what it detects, how it was trained, what was measured."""
    session = session_of(ctx)
    fact = read_facts(session.checked_registry().head(label), bundled_ref())
    if as_json:
        stdout_stream(machine=True).write(f"{to_json_line(fact.card())}\n")
    else:
        write_card(f"{fact.label}: {fact.title}", _card(fact))
    session.tell([f"head {fact.label!r} cannot be used: {fact.problem}"] if fact.problem else [])


@click.command("remove-head")
@click.argument("label")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def remove_head(ctx: click.Context, label: str, yes: bool) -> int:
    """Detach a head of your own and delete its file. No other head changes."""
    session = session_of(ctx)
    check_label(label)
    if label not in session.store.labels() and label in session.registry.heads:
        raise RegistryError(_not_yours(session.registry.heads[label]))
    path = session.store.path(label)
    asks = not yes and path.exists() and is_terminal(sys.stdin)
    if asks and not click.confirm(f"Delete {printable(str(path))}?", err=True):
        return 1
    session.store.remove(label)
    stdout_stream(machine=False).write(f"removed {printable(str(path))}\n")
    return 0


def _not_yours(head: RegisteredHead) -> str:
    return f"head {head.spec.label!r} is not your own: it comes with {head.owner}; uninstall that to be rid of it"


def _write_list(usable: Sequence[HeadFacts], untrained: Sequence[HeadFacts]) -> None:
    stream, rich = stdout_stream(machine=False), is_terminal(sys.stdout)
    if usable:
        header = ["label", "title", "family", "view", "severity", "AUROC", "owner"]
        styles = {"label": "cyan", "owner": "dim", "view": "dim"}
        stream.write(table_text(header, [_row(fact) for fact in usable], styles, spare="title"))
    else:
        stream.write("No head has weights.\n" if rich else "no head has weights\n")
    labels = ", ".join(fact.label for fact in untrained)
    if labels and rich:
        stream.write(styled("\nWithout weights yet; train with `dheads add-head LABEL --clean DIR`:", "bold"))
        stream.write(styled(labels, "dim"))
    elif labels:
        stream.write(f"\nwithout weights yet: {labels}\n")


def _row(fact: HeadFacts) -> list[str]:
    file = fact.file
    assert file is not None
    severity = "yes" if "severity" in file.outputs else "no"
    auroc = "-" if file.metrics.auroc is None else f"{file.metrics.auroc:.3f}"
    return [
        fact.label,
        printable(fact.title),
        fact.family,
        file.view,
        severity,
        auroc,
        printable(fact.owner.distribution),
    ]


def _card(fact: HeadFacts) -> Card:
    spec, file = fact.spec, fact.file
    about = {
        "description": spec.description,
        "source": spec.source or "-",
        "family": fact.family,
        "owner": str(fact.owner),
        "synthesizer": "yes" if spec.synthesize or spec.synthesize_clip else "no",
        "weights": fact.problem or "none yet",
    }
    if file is None:
        return {"": about}
    about |= {"weights": f"{spec.weights} ({kibibytes(fact.size)})", "license": file.license}
    sizes = [width_of(file.view, file.backbone.dim), *(len(layer.bias) for layer in file.layers)]
    metrics, origin = file.metrics, file.provenance
    return {
        "": about,
        "Model": {
            "view": file.view,
            "outputs": ", ".join(file.outputs),
            "layers": " - ".join(map(str, sizes)),
            "backbone": f"{file.backbone.name}@{file.backbone.fingerprint}",
            "calibration": _calibration(fact),
            "threshold": f"{file.threshold.value:.4f} ({file.threshold.objective})",
        },
        f"Measured on {metrics.n} {'frames' if file.view == TEMPORAL else 'pictures'} ({metrics.split})": {
            "AUROC": figure(metrics.auroc),
            "AP": figure(metrics.ap),
            "F1": figure(metrics.f1),
            "ECE": figure(metrics.ece),
            "false alarms on clean": share(metrics.fpr_clean),
        },
        "Trained on": {
            "data": f"{origin.data} ({origin.n_pos} positive, {origin.n_neg} negative)",
            "SHA-256 of the data": origin.data_sha256,
            "licences of the data": ", ".join(origin.image_licenses) or "not stated",
            "command": origin.command,
            "seed": str(origin.seed),
            "versions": ", ".join(f"{name} {version}" for name, version in origin.versions.items()) or "-",
            "created with": file.created_with,
        },
    }


def _calibration(fact: HeadFacts) -> str:
    assert fact.file is not None
    calibration = fact.file.calibration
    return ", ".join([calibration.method, *(f"{name} {value:.4g}" for name, value in calibration.params.items())])
