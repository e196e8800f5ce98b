"""`dheads explain`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.output.cards import write_card
from dheads_cli.output.console import is_terminal, stdout_stream
from dheads_cli.output.inline_pictures import inline_picture, protocol
from dheads_cli.session import session_of
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.spec import FAMILY, KIND

if TYPE_CHECKING:
    from PIL.Image import Image

    from distortion_heads.spec import HeadSpec

LEAST = 0.01
"""Share from which on another family is named."""

CELL_WIDTH = 176
"""Pixels of one example in the picture."""


@click.command()
@click.argument("label")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object, and draw nothing.")
@click.option("--example", type=click.Path(path_type=Path), metavar="PICTURE", help="Distort this picture.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE",
              help="Save the examples there (PNG, WebP, JPEG).")  # fmt: skip
@click.pass_context
def explain(ctx: click.Context, /, label: str, as_json: bool, example: Path | None, picture: Path | None) -> None:
    """Explain a distortion or a family: what it is, how it looks, what it is mistaken for, what mends it.

    Five severities of one example are shown where the terminal can show pictures (kitty, Ghostty, iTerm2, WezTerm),
    else saved to a file that is named.
    """
    registry = session_of(ctx).checked_registry()
    members = registry.family(label)
    # a family without a head of its own has no words but its kinds
    spec = None if members and label not in registry.heads else registry.head(label).spec
    kinds = [head.spec for head in members if head.spec.scope != FAMILY] if spec is None or _is_family(spec) else []
    families = {name: head.spec.family for name, head in registry.heads.items()}
    facts = _facts(label, spec, kinds, families)
    if as_json:
        stdout_stream(machine=True).write(f"{to_json_line(facts)}\n")
        return
    title = label if spec is None else spec.title
    write_card(f"{label}: {title}", _card(facts))
    _show(label, kinds or ([] if spec is None else [spec]), example, picture)


def _is_family(spec: HeadSpec) -> bool:
    return spec.scope == FAMILY


def _facts(
    label: str, spec: HeadSpec | None, kinds: Sequence[HeadSpec], families: Mapping[str, str]
) -> dict[str, object]:
    """Return what is known, with the keys of --json; `families` by the label of each head."""
    taken_for = None if spec is None or spec.mistaken_for is None else dict(spec.mistaken_for)
    if kinds:
        taken_for = _other_families(kinds, families)
    return {
        "label": label,
        "family": label if spec is None else spec.family,
        "scope": FAMILY if spec is None else spec.scope,
        "description": None if spec is None else spec.description,
        "source": None if spec is None else spec.source,
        "kinds": {kind.label: kind.description for kind in kinds},
        "makes": {} if spec is None else {make.name: make.description for make in spec.makes},
        "mistaken_for": taken_for,
        "remedy": spec.remedy or None if spec is not None else None,
    }


def _other_families(kinds: Sequence[HeadSpec], families: Mapping[str, str]) -> dict[str, float] | None:
    """Return how often the kinds of a family are taken for a kind of each other one: the mean over those measured."""
    measured = [kind for kind in kinds if kind.mistaken_for is not None]
    if not measured:
        return None
    shares: dict[str, float] = {}
    for kind in measured:
        highest: dict[str, float] = {}
        for other, share in kind.mistaken_for or ():
            if (family := families.get(other, kind.family)) != kind.family:
                highest[family] = max(share, highest.get(family, 0.0))
        for family, share in highest.items():
            shares[family] = shares.get(family, 0.0) + share / len(measured)
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return {family: round(share, 3) for family, share in ordered if share >= LEAST}


def _card(facts: Mapping[str, object]) -> dict[str, dict[str, str]]:
    about = {"what it is": str(facts["description"] or "a family without a head of its own")}
    if facts["scope"] != FAMILY:
        about["family"] = str(facts["family"])
    about["what mends it"] = str(facts["remedy"] or "its plugin does not say")
    if facts["scope"] in (FAMILY, KIND):
        about["mistaken for"] = _mistakes(facts["mistaken_for"], "one of its kinds" if facts["kinds"] else "it")
    if facts["source"]:
        about["made after"] = str(facts["source"])
    sections = {"": about}
    for key, heading in (("kinds", "Kinds, one head each"), ("makes", "Other ways in which it comes about")):
        values = facts[key]
        if isinstance(values, Mapping) and values:
            sections[heading] = dict(values)
    return sections


def _mistakes(shares: object, what: str) -> str:
    if not isinstance(shares, Mapping):
        return "not measured"
    named = [f"{other.replace('_', ' ')} {100 * share:.0f} %" for other, share in shares.items()]
    return f"{', '.join(named) or 'rarely anything'} (of pictures with {what} alone, severities 2 to 5)"


def _show(label: str, specs: Sequence[HeadSpec], example: Path | None, picture: Path | None) -> None:
    """Draw the examples where the terminal shows pictures, else save them and name the file."""
    from distortion_heads.synthesis.sheet import check_sheet_path, save_sheet

    stream = stdout_stream(machine=False)
    makers = [spec for spec in specs if spec.synthesize is not None]
    if not makers:
        stream.write("\nno example: it is not made of single pictures here\n")
        return
    if picture is not None:
        check_sheet_path(picture)
    sheet = _sheet(makers, example)
    how = protocol() if is_terminal(sys.stdout) else None
    if how is not None and picture is None:
        buffer = BytesIO()
        sheet.save(buffer, "PNG")
        stream.write(inline_picture(buffer.getvalue(), how))
        return
    place = picture or Path(tempfile.mkdtemp(prefix="dheads-")) / f"{label}.png"
    save_sheet(sheet, place)
    stream.write(f"\nexamples: {place}\n")


def _sheet(makers: Sequence[HeadSpec], example: Path | None) -> Image:
    from distortion_heads.errors import InputError
    from distortion_heads.io.images import load_image
    from distortion_heads.synthesis.sheet import contact_sheet, example_picture

    try:
        pixels = example_picture() if example is None else load_image(example)
    except InputError as error:
        raise InputError(f"{example}: {error}") from None
    return contact_sheet(pixels, makers, cell_width=CELL_WIDTH)
