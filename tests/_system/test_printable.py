from __future__ import annotations

import pytest

from distortion_heads._system.printable import as_markdown, printable


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\nb", "a\x9bb", "a\u202eb", "a\udc80b", "a\x7fb", "a\u2028b"])
def test_what_acts_on_a_terminal_is_written_out(text: str) -> None:
    assert printable(text).isprintable()
    assert printable("Grüße, 雨 🙂") == "Grüße, 雨 🙂"


def test_a_name_is_no_markup() -> None:
    name = "a|b <img src=x onerror=alert(1)> [x](http://y) `c`\n# d \\|"
    shown = as_markdown(name)
    assert "<" not in shown
    assert "\n" not in shown
    assert shown.replace("\\\\", "").count("|") == shown.replace("\\\\", "").count(r"\|") == 2
    assert "](" not in shown.replace(r"\]", "")
