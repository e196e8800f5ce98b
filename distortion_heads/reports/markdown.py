"""Reports as text: templates, tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

REACHED = {None: "not measured", True: "yes", False: "**no**"}


def render(template: str, room: str = "distortion_heads.reports", **values: Any) -> str:
    """Return the text of `templates/TEMPLATE` of that room with `values`, which must hold every name that it uses.

    Besides Jinja's own filters, a template has `number`, `numbers` (several cells of a table), `columns` (the first two
    lines of a table), `mean` and `reached`. Values are escaped in `*.html.j2` alone.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(room),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=number,
        numbers=lambda values: " | ".join(map(number, values)),
        columns=lambda header: table(header, ()),
        reached=REACHED.get,
        mean=fmean,
    )
    return environment.get_template(template).render(values)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; columns after the first are aligned to the right."""
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float | None) -> str:
    """Return `value` with three digits, or a dash for None."""
    return "–" if value is None else f"{value:.3f}"
