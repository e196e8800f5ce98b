"""Reports as text: templates, tables and numbers in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from distortion_heads._system.printable import as_markdown, printable

FEW = 50
"""Below this many pictures a percentage says little."""

REACHED = {None: "not measured", True: "yes", False: "**no**"}


def render(template: str, room: str = "distortion_heads.reports", **values: Any) -> str:
    """Return the text of `templates/TEMPLATE` of that room with `values`, which must hold every name that it uses.

    Besides Jinja's own filters, a template has `number`, `numbers` (several cells of a table), `columns` (the first two
    lines of a table), `mean`, `reached` and the number `few`, and `name` for what others have named: files, folders,
    families. In Markdown no value makes HTML or writes control characters.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(room),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        finalize=None if template.endswith("html.j2") else _harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["few"] = FEW
    environment.filters.update(
        number=number,
        numbers=lambda values: " | ".join(map(number, values)),
        columns=lambda header: table(header, ()),
        reached=REACHED.get,
        mean=fmean,
        name=lambda value: as_markdown(str(value)),
    )
    return environment.get_template(template).render(values)


def _harmless(value: Any) -> Any:
    """Return a text of which no line begins HTML; the lines of tables and macros stay."""
    if not isinstance(value, str):
        return value
    return "\n".join(map(printable, value.replace("<", "&lt;").split("\n")))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; columns after the first are aligned to the right."""
    names = " | ".join(name.replace("|", r"\|") for name in header)
    lines = [f"| {names} |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def number(value: float | None) -> str:
    """Return `value` with three digits, or a dash for None."""
    return "–" if value is None else f"{value:.3f}"
