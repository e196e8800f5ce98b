"""The message of an error in a few words."""

from __future__ import annotations


def reason(error: BaseException) -> str:
    """Return the operating system's words for `error` where it has them, else its own message."""
    return getattr(error, "strerror", None) or str(error)
