from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads._system.printable import printable
from distortion_heads.answers import FamilyResult, HeadResult, KindShare, Prediction
from distortion_heads.errors import DheadsError
from distortion_heads.reports.conditions import Condition, parse_condition
from distortion_heads.reports.pictures import CSV_COLUMNS, CsvReport, error_to_dict, prediction_to_dict, to_json_line

NOISE = HeadResult(label="white_noise", family="noise", probability=0.98, threshold=0.5, present=True, severity=3.2)
SMOKE = HeadResult(
    label="smoke", family="atmosphere", probability=0.12345678, threshold=0.7654321, present=False, severity=None
)
KINDS = {"white_noise": 0.85, "other": 0.1, "pink_noise": 0.04, "impulse_noise": 0.01}
NOISY = FamilyResult(
    family="noise",
    probability=0.98,
    threshold=0.5,
    present=True,
    severity=3.2,
    kinds=tuple(KindShare(label=label, share=share) for label, share in KINDS.items()),
)
PREDICTION = Prediction(
    path="a.png",
    width=512,
    height=384,
    windows=12,
    backbone="NAME@0123456789ab",
    heads=(NOISE,),
    families=(NOISY,),
)


def test_json_is_that_of_the_design() -> None:
    assert to_json_line(prediction_to_dict(PREDICTION)) == (
        '{"path": "a.png", "width": 512, "height": 384, "windows": 12, "backbone": "NAME@0123456789ab",'
        ' "families": [{"family": "noise", "probability": 0.98, "threshold": 0.5, "present": true, "severity": 3.2,'
        ' "kinds": [{"label": "white_noise", "share": 0.85}, {"label": "other", "share": 0.1}]}], "heads": '
        '[{"label": "white_noise", "family": "noise", "probability": 0.98, "threshold": 0.5, "present": true,'
        ' "severity": 3.2}]}'
    )
    assert to_json_line(error_to_dict("broken.png", "not an image: text")) == (
        '{"path": "broken.png", "error": "not an image: text"}'
    )


def test_notes_have_a_key_where_there_are_some() -> None:
    assert "notes" not in prediction_to_dict(PREDICTION)
    assert prediction_to_dict(replace(PREDICTION, notes=("one", "two")))["notes"] == ["one", "two"]


def test_figures_are_rounded() -> None:
    head = replace(NOISE, probability=0.12345678, threshold=0.7654321, severity=3.14159)
    [figures] = prediction_to_dict(replace(PREDICTION, heads=(head,)))["heads"]
    assert (figures["probability"], figures["threshold"], figures["severity"]) == (0.123457, 0.765432, 3.14)


def test_numpy_figures_are_written_like_pythons() -> None:
    head = replace(NOISE, probability=np.float64(0.98), present=np.bool_(True), severity=np.float32(3.2))
    assert to_json_line(prediction_to_dict(replace(PREDICTION, heads=(head,)))) == to_json_line(
        prediction_to_dict(PREDICTION)
    )


def test_memory_has_no_path() -> None:
    assert json.loads(to_json_line(prediction_to_dict(replace(PREDICTION, path=None))))["path"] is None


def test_json_keeps_text_and_escapes_what_no_terminal_should_get() -> None:
    assert '"Straße/写真/🙂.png"' in to_json_line({"path": "Straße/写真/🙂.png"})
    line = to_json_line({"path": os.fsdecode(b"caf\xe9\x1b.png")})
    assert line == r'{"path": "caf\udce9\u001b.png"}'
    assert os.fsencode(json.loads(line)["path"]) == b"caf\xe9\x1b.png"


@given(st.text(st.characters()))
def test_json_is_one_line_that_reads_back(text: str) -> None:
    line = to_json_line({"path": text})
    assert len(line.splitlines()) == 1
    assert json.loads(line.encode("utf-8")) == {"path": text}


def written(labels: tuple[str, ...], *items: Prediction | tuple[str | None, str]) -> list[dict[str, str]]:
    """Rows as a CSV reader sees them; each has as many cells as the header."""
    stream = io.StringIO(newline="")
    report = CsvReport(stream, labels)
    for item in items:
        if isinstance(item, Prediction):
            report.write(item)
        else:
            report.write_error(*item)
    stream.getvalue().encode("utf-8")
    header, *rows = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_csv_has_a_row_per_input() -> None:
    both = replace(PREDICTION, heads=(SMOKE, NOISE))
    rows = written(("white_noise", "smoke"), both, ("b.png", "not an image: text"), PREDICTION)
    assert list(rows[0]) == [
        *CSV_COLUMNS,
        *("white_noise", "white_noise_present", "white_noise_severity", "smoke", "smoke_present", "smoke_severity"),
        "notes",
    ]
    assert list(rows[0].values()) == (
        ["a.png", "512", "384", "12", "NAME@0123456789ab", "", "0.98", "true", "3.2", "0.123457", "false", "", ""]
    )
    assert {key: cell for key, cell in rows[1].items() if cell} == {"path": "b.png", "error": "not an image: text"}
    assert rows[2]["smoke"] == rows[2]["smoke_present"] == ""


def test_csv_takes_no_head_without_a_column() -> None:
    with pytest.raises(ValueError, match="white_noise"):
        written(("smoke",), PREDICTION)


@pytest.mark.parametrize("labels", [("error",), ("blur", "blur_present"), ("blur", "blur")])
def test_csv_columns_have_different_names(labels: tuple[str, ...]) -> None:
    with pytest.raises(DheadsError, match=r"two columns .*--heads"):
        written(labels)


@pytest.mark.parametrize("path", ["=1+1.png", "+a", "-a", "@SUM(A1)"])
def test_no_path_is_a_formula_and_every_path_still_names_its_file(path: str) -> None:
    [by_path, by_message] = written((), replace(PREDICTION, path=path, heads=()), (None, path))
    assert by_path["path"][0] == "."
    assert Path(by_path["path"]) == Path(path)
    assert by_message["error"] == f"'{path}"


@given(st.text(), st.text())
def test_csv_reads_back_whatever_the_path(path: str, message: str) -> None:
    [row] = written((), (path, message))
    assert row["path"].removeprefix("./") == printable(path).removeprefix("./")
    assert printable(row["error"]) == row["error"]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("blur>0.6", Condition(name="blur", op=">", value=0.6)),
        (" white_noise >= .5 ", Condition(name="white_noise", op=">=", value=0.5)),
        ("smoke<1", Condition(name="smoke", op="<", value=1.0)),
        ("my family<=0.25", Condition(name="my family", op="<=", value=0.25)),
    ],
)
def test_conditions_are_parsed(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    "text",
    [
        *("", "blur", "blur>", ">0.5", "blur=0.5", "blur==0.5", "blur=>0.5", "blur>>0.5", "0.2<blur<0.5", "blur>x"),
        *("blur>-1", "blur>nan", "blur>1e-3", "blur>0.5.5", "blur>.", "blur>0.5 smoke>0.5"),
    ],
)
def test_junk_is_no_condition(text: str) -> None:
    with pytest.raises(DheadsError, match=r"^condition ") as caught:
        parse_condition(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("white_noise>0.9", True),
        ("noise>0.9", True),
        ("white_noise>0.98", False),
        ("white_noise>=0.98", True),
        ("smoke<0.5", True),
        ("atmosphere<0.1", False),
        ("atmosphere<=0.12345678", True),
        ("blur>0", False),
        ("blur<1", False),
    ],
)
def test_conditions_hold_for_a_label_or_a_family(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(replace(PREDICTION, heads=(NOISE, SMOKE))) is holds


def test_any_head_of_a_family_will_do() -> None:
    weak = replace(NOISE, label="impulse_noise", probability=0.1)
    for heads in ((NOISE, weak), (weak, NOISE)):
        prediction = replace(PREDICTION, heads=heads)
        assert parse_condition("noise>0.9").holds(prediction)
        assert parse_condition("noise<0.2").holds(prediction)
        assert not parse_condition("impulse_noise>0.9").holds(prediction)


def test_a_misspelt_name_is_told() -> None:
    parse_condition("noise>0.5").check(["white_noise", "noise"])
    with pytest.raises(DheadsError, match=r"'nose' \(there are: noise, white_noise\)"):
        parse_condition("nose>0.5").check(["white_noise", "noise", "noise"])
