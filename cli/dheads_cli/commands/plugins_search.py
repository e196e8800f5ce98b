"""`dheads plugins --search`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dheads_cli.output.console import printable, stdout_stream, table_text
from dheads_cli.session import Session
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.spec import FAMILY

if TYPE_CHECKING:
    from distortion_heads.registry.build import RegisteredHead

COLUMNS = ("family", "label", "title", "from", "weights")


def write_found(session: Session, text: str, as_json: bool) -> int:
    """Write the heads in which `text` is found, by family, a family's own first; return 1 if there are none."""
    found = [head for head in session.checked_registry().heads.values() if _matches(head, text.lower())]
    found.sort(key=lambda head: (head.spec.family, head.spec.scope != FAMILY, head.spec.label))
    if as_json:
        stream = stdout_stream(machine=True)
        for head in found:
            facts = dict(zip(COLUMNS, _cells(head), strict=True)) | {"weights": head.spec.weights is not None}
            stream.write(f"{to_json_line(facts)}\n")
    elif found:
        rows = [[printable(cell) for cell in _cells(head)] for head in found]
        stdout_stream(machine=False).write(table_text(COLUMNS, rows, {"label": "cyan"}, spare="title"))
    if not found:
        session.warn(f"no installed head has {text!r} in its label, family, words or package")
    return 0 if found else 1


def _matches(head: RegisteredHead, text: str) -> bool:
    spec = head.spec
    return any(
        text in words.lower() for words in (spec.label, spec.family, spec.title, spec.description, str(head.owner))
    )


def _cells(head: RegisteredHead) -> list[str]:
    spec = head.spec
    return [spec.family, spec.label, spec.title, str(head.owner), "no" if spec.weights is None else "yes"]
