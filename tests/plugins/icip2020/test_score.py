"""The score of the ICIP 2020 challenge, and the result files that it reads."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dheads_icip2020.answers import LABELS
from dheads_icip2020.score import Entry, read_entries, score_2020
from dheads_icip2020.submissions import read_submissions, read_truth
from distortion_heads.errors import DataError


def entry(name: str, all_f1: float, accuracy: float, single_f1: float, seconds: float) -> Entry:
    values = {"all_f1": all_f1, "accuracy": accuracy, "single_f1": single_f1, "seconds": seconds}
    return Entry(name=name, values=values)


def write_result(path: Path, methods: dict[str, float], sha256: str = "ab", **changes: Any) -> Path:
    rows = [
        {
            "method": name,
            "protocol": "disjoint",
            "share": share,
            "figures": {
                figure: {"median": value * share} for figure in ("micro_f1", "exact", "single_right", "seconds")
            },
        }
        for name, value in methods.items()
        for share in (0.4, 0.8)
    ]
    content = {"schema": "dheads-evaluation/1", "dataset": {"sha256": sha256}, "labels": ["a"], "rows": rows}
    path.write_text(json.dumps({**content, **changes}))
    return path


def test_score_is_the_weighted_sum_of_ranks_and_the_lowest_wins() -> None:
    best, middle, last = score_2020(
        [entry("slow", 0.9, 0.8, 0.9, 2.0), entry("fast", 0.9, 0.7, 0.8, 0.1), entry("poor", 0.5, 0.1, 0.2, 1.0)]
    )
    assert (best.entry.name, middle.entry.name, last.entry.name) == ("slow", "fast", "poor")
    assert best.score == pytest.approx(0.35 + 0.35 + 0.15 + 0.15 * 3)
    assert middle.score == pytest.approx(0.35 + 0.35 * 2 + 0.15 * 2 + 0.15)  # shares the first rank by F1
    assert last.score == pytest.approx(0.35 * 3 + 0.35 * 3 + 0.15 * 3 + 0.15 * 2)


def test_published_figures_give_the_published_order() -> None:
    """The final leaderboard of the challenge, as its organisers published it (hipernav.eu)."""
    teams = [
        entry("Deep Heros", 0.949, 0.830, 0.947, 0.05),
        entry("LION Team", 0.941, 0.815, 0.933, 0.104),
        entry("INSA-INTTIC", 0.933, 0.780, 0.907, 0.05),
        entry("FEJ", 0.915, 0.765, 0.880, 0.015),
        entry("alchet", 0.854, 0.580, 0.987, 0.04),
        entry("BUET_ENDGAME", 0.832, 0.570, 0.893, 0.007),
    ]
    scores = score_2020(list(reversed(teams)))
    assert [score.entry.name for score in scores] == [team.name for team in teams]
    assert [score.score for score in scores] == pytest.approx([1.6, 2.75, 3.3, 4.0, 4.1, 5.1])


def test_unknown_times_all_share_the_first_rank() -> None:
    scores = score_2020([entry("a", 0.9, 0.8, 0.9, math.nan), entry("b", 0.8, 0.7, 0.8, math.nan)])
    assert [score.ranks["seconds"] for score in scores] == [1, 1]
    assert [score.score for score in scores] == pytest.approx([1.0, 0.85 * 2 + 0.15])


def labels(*numbers: int) -> frozenset[str]:
    return frozenset(LABELS[number - 1] for number in numbers)


def test_figures_of_a_submission_are_those_of_the_scoring_program(tmp_path: Path) -> None:
    """Counted by hand: 6 of 8 labels found, 2 alarms; of the four single ones two have one too many, one has none."""
    truth = [labels(1), labels(3), labels(5), labels(1, 4), labels(2, 5), labels(4)]
    (tmp_path / "p.txt").write_text("1\n3,4\n\n1,4\n2\n4,1")
    (found,) = read_submissions([tmp_path / "p.txt"], truth, [0.5])
    assert found.values["all_f1"] == pytest.approx(2 * 6 / (8 + 8))
    assert found.values["accuracy"] == pytest.approx(2 / 6)
    assert found.values["single_f1"] == pytest.approx(1 / 4)
    assert found.values["seconds"] == 0.5


def test_truth_of_a_folder_is_in_natural_order(tmp_path: Path) -> None:
    for name in ("awgn/video10_1.avi", "awgn/video2_1.avi", "noise_smoke/video1_1.avi", "defocus_uneven/video3_2.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert read_truth(tmp_path) == [labels(1), labels(1), labels(2, 5), labels(1, 4)]


@pytest.mark.parametrize(
    ("answers", "seconds", "says"),
    [
        ("1\n2\n3", (), "3 lines, and there are 2 videos"),
        ("1", (), "1 lines, and there are 2 videos"),
        ("1\n2", (0.1, 0.2), "2 times for 1 submissions"),
    ],
)
def test_submissions_that_do_not_fit(tmp_path: Path, answers: str, seconds: tuple[float, ...], says: str) -> None:
    (tmp_path / "p.txt").write_text(answers)
    with pytest.raises(DataError, match=says):
        read_submissions([tmp_path / "p.txt"], [labels(1), labels(2)], seconds)
    with pytest.raises(DataError, match="no video has a distortion"):
        read_submissions([tmp_path / "p.txt"], [labels(), labels()])


def test_entries_of_several_files_at_the_largest_share(tmp_path: Path) -> None:
    one = write_result(tmp_path / "one.json", {"frozen": 0.5, "ameur": 0.25})
    two = write_result(tmp_path / "two.json", {"frozen": 0.75})
    entries = read_entries([one, two])
    assert [entry.name for entry in entries] == [f"frozen ({one})", "ameur", f"frozen ({two})"]
    assert entries[0].values["accuracy"] == pytest.approx(0.5 * 0.8)


def test_files_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    good = write_result(tmp_path / "good.json", {"frozen": 0.5})
    with pytest.raises(DataError, match="other records or labels"):
        read_entries([good, write_result(tmp_path / "other.json", {"frozen": 0.5}, sha256="cd")])
    with pytest.raises(DataError, match="under the protocol shared-scenes"):
        read_entries([good], "shared-scenes")
    with pytest.raises(DataError, match="cannot be read"):
        read_entries([tmp_path / "missing.json"])
    for content in ("{", "[]", '{"schema": "dheads-evaluation/1"}', '{"schema": "dheads-evaluation/1", "rows": [3]}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(DataError, match=r"bad\.json is no result\.json"):
            read_entries([tmp_path / "bad.json"])
    lacking = json.loads(good.read_text())
    lacking["rows"][1]["figures"]["seconds"] = None
    (tmp_path / "lacking.json").write_text(json.dumps(lacking))
    with pytest.raises(DataError, match="lacks a figure"):
        read_entries([tmp_path / "lacking.json"])
