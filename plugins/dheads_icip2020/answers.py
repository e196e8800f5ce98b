"""The answers of the ICIP 2020 challenge on laparoscopic video, in its own format, `predict.txt`.

One line per video, the videos in natural order of their paths (video2 before video10), no line end after the last. A
line has the numbers of the distortions that are there, with commas between them, as `1,4`; it is empty if there is
none. The numbers are the places in `LABELS`, from 1. The list of the true answers has the same format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path, PurePath

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError

LABELS = ("white_noise", "lens_blur", "motion_blur", "smoke", "uneven_illumination")
MAX_BYTES = 16 << 20


def natural_key(path: str | PurePath) -> list[list[tuple[int, int, str]]]:
    """Return a key that sorts paths folder by folder, the numbers in their names by value."""
    return [[_rank(part) for part in re.split(r"([0-9]+)", name.lower()) if part] for name in PurePath(path).parts]


def format_answers(answers: Iterable[Collection[str]]) -> str:
    """Return the text of the file from the labels of each video, without those that the challenge does not know."""
    lines = (",".join(str(i) for i, label in enumerate(LABELS, 1) if label in answer) for answer in answers)
    return "\n".join(lines)


def read_answers(file: Path) -> list[frozenset[str]]:
    """Return the labels of each line of a submission or of the list of true answers.

    A line end after the last line gives one more, empty. Raises `DataError`, which names the line.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {reason(error).lower()}") from None
    except ValueError:
        raise DataError(f"{file}: no submission: it is not text") from None
    if len(data) > MAX_BYTES:
        raise DataError(f"{file}: no submission: it is larger than {MAX_BYTES >> 20} MiB")
    lines = text.replace("\r\n", "\n").split("\n")
    return [_labels(line, f"{file}, line {number}") for number, line in enumerate(lines, 1)]


def _rank(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part[0] in "0123456789" else (1, 0, part)


def _labels(line: str, where: str) -> frozenset[str]:
    numbers = [part.strip() for part in line.split(",")] if line.strip() else []
    for number in numbers:
        if number not in tuple(str(i) for i in range(1, len(LABELS) + 1)):
            raise DataError(f"{where}: {number!r} is no distortion: write numbers from 1 to {len(LABELS)}, as in 1,4")
    return frozenset(LABELS[int(number) - 1] for number in numbers)
