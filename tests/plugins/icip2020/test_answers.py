"""The file format of the ICIP 2020 challenge."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dheads_icip2020.answers import LABELS, format_answers, natural_key, read_answers
from distortion_heads.errors import DataError


def test_format() -> None:
    """Numbers from 1, as in the challenge's files; no line end after the last line, which would be one video more."""
    answers = [["white_noise"], ["uneven_illumination", "lens_blur", "jpeg"], [], ["smoke", "motion_blur"]]
    assert format_answers(answers) == "1\n2,5\n\n3,4"


@given(st.lists(st.frozensets(st.sampled_from(LABELS)), min_size=1))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, answers: list[frozenset[str]]) -> None:
    file = tmp_path_factory.mktemp("s") / "predict.txt"
    file.write_text(format_answers(answers), newline="")
    assert read_answers(file) == answers


def test_line_ends_and_spaces_of_other_programs(tmp_path: Path) -> None:
    file = tmp_path / "predict.txt"
    file.write_bytes(b"\xef\xbb\xbf1, 4\r\n2\r\n")
    assert read_answers(file) == [{"white_noise", "smoke"}, {"lens_blur"}, set()]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"1\n6\n", "line 2: '6' is no distortion"), (b"1\n2,x", "line 2: 'x'"), (b"\xff\xfe\x00", "not text")],
)
def test_files_that_are_no_submission(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "predict.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_answers(file)
    with pytest.raises(DataError, match="cannot be read"):
        read_answers(tmp_path / "missing.txt")


def test_natural_order() -> None:
    names = ["b/video1.avi", "a/video10_1.avi", "a/video2_10.avi", "a/video2_2.avi", "A/video1.avi", "a10/x", "a9/x"]
    assert sorted(names, key=natural_key) == [
        "A/video1.avi", "a/video2_2.avi", "a/video2_10.avi", "a/video10_1.avi", "a9/x", "a10/x", "b/video1.avi",
    ]  # fmt: skip
    assert sorted(["b²", "b2", "b"], key=natural_key) == ["b", "b2", "b²"]
