"""The score of the ICIP 2020 challenge, and the result files that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distortion_heads.errors import DataError
from distortion_heads.training.evaluation.score2020 import Entry, read_entries, score_2020


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
