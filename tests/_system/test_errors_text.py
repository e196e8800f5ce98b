from __future__ import annotations

import pytest

from distortion_heads._system.errors_text import reason


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (ValueError("v"), "v"),
    ],
)
def test_the_systems_words_come_first(error: Exception, text: str) -> None:
    assert reason(error) == text
