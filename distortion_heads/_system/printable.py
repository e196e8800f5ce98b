"""Text of others as what may stand on a terminal, in a table or in a document."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`\[\]|])")


def printable(text: str) -> str:
    r"""Return `text` as one line: control characters, and bytes of a path that are no UTF-8, become `\xNN`."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def as_markdown(text: str) -> str:
    """Return `text` as Markdown that shows it as it is: no markup, no cell of a table ends in it, one line."""
    return _MARKDOWN.sub(r"\\\1", printable(text)).replace("&", "&amp;").replace("<", "&lt;")
