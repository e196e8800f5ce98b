"""Cards: sections of names and values, as `show` and `add-head` print them; and figures as people read them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from dheads_cli.output.console import is_terminal, printable, rendered, rich_console, stdout_stream

Card = Mapping[str, Mapping[str, str]]
"""Section -> name -> value; the section "" has no heading."""


def write_card(title: str, card: Card) -> None:
    """Write a card to stdout: aligned; on a terminal with long values wrapped under themselves."""
    stream = stdout_stream(machine=False)
    if not is_terminal(sys.stdout):
        stream.write(_plain(title, card))
        return
    from rich.table import Table
    from rich.text import Text

    console = rich_console()
    parts: list[Text | Table] = [Text(printable(title), "bold")]
    width = _name_width(card)
    for section, values in card.items():
        parts.append(Text(f"\n{section}" if section else "", "bold cyan"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=width, style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in values.items():
            table.add_row(name, Text(printable(value)))
        parts.append(table)
    stream.write(rendered(console, *parts))


def figure(value: float | None) -> str:
    """Return a measure in [0, 1] with four digits."""
    return "not measured" if value is None else f"{value:.4f}"


def share(value: float | None) -> str:
    """Return a share in [0, 1] in percent."""
    return "not measured" if value is None else f"{100 * value:.1f} %"


def limit_text(value: float, digits: int = 3) -> str:
    """Return a threshold; a profile may have one that no probability reaches."""
    return "never" if value > 1 else f"{value:.{digits}f}"


def kibibytes(size: int) -> str:
    return f"{size / 1024:.1f} KiB"


def _plain(title: str, card: Card) -> str:
    width = _name_width(card)
    lines = [printable(title)]
    for section, values in card.items():
        lines += ["", section] if section else [""]
        lines += [f"{name.ljust(width)}  {printable(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _name_width(card: Card) -> int:
    return max((len(name) for values in card.values() for name in values), default=0)
