"""Heads of quality: their files, their answers, and that they leave all others alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from distortion_heads.answers import QualityResult
from distortion_heads.errors import HeadSchemaError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import METADATA_KEY, dump_head, dump_metadata, parse_head
from distortion_heads.heads.head import Calibration, HeadFile, Knot, Layer, Pooling, Scale
from distortion_heads.heads.quality import QualityHeads
from distortion_heads.spec import KIND
from helpers.sample_heads import make_head, make_layers, make_quality_head, same

FEATURES = np.random.default_rng(1).standard_normal((7, 12), np.float32)
RISING = Calibration(method="monotone", knots=(Knot(raw=-40.0, value=1.0), Knot(raw=40.0, value=5.0)))


def answers(*heads: HeadFile) -> list[QualityResult]:
    bank = QualityHeads()
    for head in heads:
        bank.add(head)
    assert bank.heads[0].label == heads[0].label
    found, notes = bank.judge({"native": FEATURES})
    assert notes == []
    return list(found)


def outputs(head: HeadFile) -> np.ndarray:
    """Of the head's layers, in float64, by the formula: (K, out)."""
    first, last = head.layers
    hidden = np.maximum(FEATURES.astype(np.float64) @ first.weight.T.astype(np.float64) + first.bias, 0)
    return np.asarray(hidden @ last.weight.T.astype(np.float64) + last.bias)


@pytest.mark.parametrize("changes", [{}, {"mixture": 4}, {"calibration": RISING}, {"view": "full"}])
def test_a_file_holds_all_of_a_head(changes: dict[str, object]) -> None:
    head = make_quality_head(**changes)
    data = dump_head(head)
    assert same(parse_head(data, "a.safetensors"), head)
    assert dump_head(parse_head(data, "a.safetensors")) == data


def test_files_of_before_say_nothing_of_quality() -> None:
    written = json.loads(dump_metadata(make_head()))
    assert not {"scale"} & set(written)
    assert not {"srocc", "plcc", "mae"} & set(written["metrics"])
    assert set(written["calibration"]) == {"method", "params"}


def test_a_quality_is_the_mean_of_the_windows_on_its_scale() -> None:
    head = make_quality_head(calibration=RISING)
    [answer] = answers(head)
    raw = outputs(head)[:, 0]
    assert answer.value == pytest.approx(3 + raw.mean() / 20, abs=1e-5)
    assert answer.spread == pytest.approx(raw.std() / 20, abs=1e-5)
    assert (answer.label, answer.low, answer.high, answer.target) == ("quality", 1, 5, "ratings of a.csv")


def test_a_quality_never_leaves_its_scale() -> None:
    head = make_quality_head()
    far = replace(head.layers[1], bias=head.layers[1].bias + np.float32(1000))
    [answer] = answers(replace(head, layers=(head.layers[0], far)))
    assert answer.value == 5


def test_a_mixture_weighs_scores_by_the_probabilities_of_the_types() -> None:
    head = make_quality_head(mixture=3, scale=Scale(low=-100.0, high=100.0, meaning="-", target="-"))
    z, s = np.split(outputs(head), 2, axis=1)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    [answer] = answers(head)
    assert answer.value == pytest.approx((p * s).sum(1).mean(), rel=1e-5)


def test_other_heads_of_quality_never_change_a_bit() -> None:
    heads = [make_quality_head(f"q{i}", seed=i, mixture=3 * (i % 2)) for i in range(5)]
    alone = [answers(head)[0] for head in heads]
    assert answers(*heads) == alone
    assert answers(*heads[::-1]) == alone[::-1]


def test_an_overflow_is_told() -> None:
    head = make_quality_head()
    huge = Layer(weight=np.full_like(head.layers[0].weight, 1e4), bias=head.layers[0].bias, activation="relu")
    broken = replace(head, layers=(huge, replace(head.layers[1], weight=np.full((1, 5), 6e4, np.float32))))
    bank = QualityHeads()
    for one in (broken, make_quality_head("sound")):
        bank.add(one)
    found, notes = bank.judge({"native": np.full((1, 12), 1e30, np.float32)})
    assert [answer.label for answer in found] == ["sound"]
    assert len(notes) == 1
    assert "'quality' overflows" in notes[0]


def test_a_head_of_a_distortion_gives_no_quality() -> None:
    with pytest.raises(ValueError, match="gives no quality"):
        QualityHeads().add(make_head())
    assert len(HeadBank([make_head()]).answers(FEATURES)) == 1


MIXED = make_quality_head(mixture=2).layers


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (make_quality_head(scope=KIND), "scope"),
        (make_quality_head(scale=None), "scale"),
        (make_head(scale=Scale(low=1.0, high=5.0, meaning="-", target="-")), "scale"),
        (make_quality_head(scale=Scale(low=5.0, high=1.0, meaning="-", target="-")), "begins"),
        (make_quality_head(view="temporal"), "single pictures"),
        (make_quality_head(pooling=Pooling(quantile=0.25)), "mean"),
        (make_head(calibration=RISING), "monotone"),
        (make_quality_head(calibration=Calibration(method="platt", params={"scale": 1.0})), "monotone"),
        (make_quality_head(calibration=Calibration(method="monotone")), "knots"),
        (make_quality_head(calibration=replace(RISING, knots=RISING.knots[::-1])), "rise"),
        (make_quality_head(layers=make_layers((12, 5, 2))), "do not lead"),
        (make_head(outputs=("presence",), layers=MIXED), "softmax_mixture"),
        (make_quality_head(layers=(replace(MIXED[0], activation="softmax_mixture"), MIXED[1])), "softmax_mixture"),
    ],
)
def test_what_does_not_go_together_is_refused(head: HeadFile, reason: str) -> None:
    with pytest.raises(HeadSchemaError, match=reason) as caught:
        dump_head(head)
    assert "\n" not in str(caught.value)
    assert METADATA_KEY == "dheads"


def test_an_uneven_mixture_is_refused() -> None:
    first, last = make_layers((12, 5, 5))
    with pytest.raises(HeadSchemaError, match="two outputs"):
        dump_head(make_quality_head(layers=(first, replace(last, activation="softmax_mixture"))))
