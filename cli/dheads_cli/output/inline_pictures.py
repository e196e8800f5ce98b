"""Pictures in the terminal, where it can show them: the protocols of kitty and of iTerm2."""

from __future__ import annotations

import os
from base64 import standard_b64encode
from collections.abc import Mapping

KITTY, ITERM = "kitty", "iterm"

CHUNK = 4096
"""Characters of a picture in one sequence of kitty."""


def protocol(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return how this terminal takes pictures, from what it says of itself; None if it does not say so.

    Terminal multiplexers pass no pictures on.
    """
    if "TMUX" in environ or environ.get("TERM", "").startswith(("screen", "tmux")):
        return None
    if "KITTY_WINDOW_ID" in environ or environ.get("TERM") in ("xterm-kitty", "xterm-ghostty"):
        return KITTY
    return ITERM if environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm") else None


def inline_picture(png: bytes, how: str) -> str:
    """Return the text that makes a terminal show the picture, and a line end."""
    data = standard_b64encode(png).decode("ascii")
    if how == ITERM:
        return f"\x1b]1337;File=inline=1;size={len(png)}:{data}\x07\n"
    chunks = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
    parts = []
    for i, chunk in enumerate(chunks):
        control = ("a=T,f=100," if i == 0 else "") + f"m={int(i < len(chunks) - 1)}"
        parts.append(f"\x1b_G{control};{chunk}\x1b\\")
    return "".join(parts) + "\n"
