"""Name the files that were left out, as they cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dheads_cli.output.console import complain, printable

if TYPE_CHECKING:
    from dheads_cli.output.sinks import Sink
    from distortion_heads.io.inputs import LeftOut
    from distortion_heads.io.unread import Unread

MOST_NAMES = 5


def report_left_out(left_out: Sequence[LeftOut], sink: Sink) -> bool:
    """Give those that are pictures by their content to the sink; return whether there are any."""
    known = [item for item in left_out if item.content is not None]
    for item in known:
        sink.left_out(item.path, f"cannot be read here: {item.content}")
    return bool(known)


def complain_of_left_out(left_out: Sequence[LeftOut]) -> None:
    """Say in one line which pictures were not judged, and what can be done."""
    if not left_out:
        return
    noun = "file of a picture type" if len(left_out) == 1 else "files of picture types"
    names = ", ".join(printable(item.path) for item in left_out[:MOST_NAMES])
    more = f" and {len(left_out) - MOST_NAMES} more" if len(left_out) > MOST_NAMES else ""
    kinds = Counter(str(item.content) for item in left_out if item.content is not None)
    told = "; ".join(f"{count} x {text}" if len(kinds) > 1 else text for text, count in kinds.most_common())
    complain(f"{len(left_out)} {noun} that cannot be read here: {names}{more}" + (f" ({told})" if told else ""))


def complain_of_unread(unread: Sequence[Unread], total: int) -> int:
    """Say in one line which of `total` files were left out, as they could not be used; return the exit status."""
    if not unread:
        return 0
    from distortion_heads.io.unread import left_out_text

    complain(f"error: {left_out_text(unread, total)}")
    return 1
