from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from distortion_heads.errors import HeadTensorError
from distortion_heads.heads import bank as module
from distortion_heads.heads.bank import HeadBank, sigmoid
from distortion_heads.heads.file import dump_head, dump_metadata, parse_head
from distortion_heads.heads.head import Calibration, HeadFile, Layer, Threshold
from helpers.sample_heads import aggregate, make_head, make_layers

DIM = 96
SHAPES: tuple[tuple[tuple[int, ...], tuple[str, ...]], ...] = (
    ((64,), ("presence", "severity")),
    ((64,), ("presence",)),
    ((), ("presence",)),
    ((17, 33), ("presence", "severity")),
    ((64, 64), ("presence",)),
)


def features_of(k: int, dim: int = DIM) -> NDArray[np.float32]:
    return np.random.default_rng(k).standard_normal((k, dim), np.float32)


def many_heads(n: int) -> list[HeadFile]:
    """Heads of all shapes, alternating."""
    shapes = itertools.islice(itertools.cycle(SHAPES), n)
    return [
        make_head(f"head{i}", dim=DIM, hidden=hidden, outputs=outputs, seed=i)
        for i, (hidden, outputs) in enumerate(shapes)
    ]


def rows(heads: Sequence[HeadFile], features: NDArray[np.float32]) -> dict[str, tuple[bytes, bytes]]:
    outputs = HeadBank(heads).evaluate(features)
    assert outputs.logits.dtype == outputs.severity.dtype == np.float32
    assert outputs.logits.shape == outputs.severity.shape == (len(heads), len(features))
    return {head.label: (outputs.logits[i].tobytes(), outputs.severity[i].tobytes()) for i, head in enumerate(heads)}


@pytest.mark.parametrize(("k", "outs", "whole"), [(6, 20, True), (6, 100, False), (24, 50, False), (40, 50, True)])
def test_a_product_that_blas_would_share_out_is_made_in_parts(
    k: int, outs: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    width, shapes, matmul = 1788, [], np.matmul

    def watched(values: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        shapes.append((values.shape[-2], *weights.shape[-2:]))
        matmul(values, weights, out=out)

    features = features_of(k, width)
    weights = np.random.default_rng(0).standard_normal((3, outs, width), np.float32)
    monkeypatch.setattr(module.np, "matmul", watched)
    made = module._products(features, weights)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, features.astype(np.float64) @ weights.transpose(0, 2, 1), atol=2e-3)
    assert sum(columns for _, _, columns in shapes) == outs
    assert (len(shapes) == 1) == whole
    assert whole or all(np.prod(shape) <= module.SMALL_PRODUCT for shape in shapes)


@pytest.mark.parametrize("k", [1, 2, 3, 12, 35])
def test_other_heads_never_change_a_bit(k: int) -> None:
    features = features_of(k)
    heads = many_heads(23)
    alone = {label: row for head in heads for label, row in rows([head], features).items()}
    assert rows(heads, features) == alone
    assert rows(heads[::-1], features) == alone
    rng = np.random.default_rng(k)
    for n in (2, 3, 5, 11, 22):
        some = [heads[i] for i in rng.permutation(len(heads))[:n]]
        together = rows(some, features)
        assert together == {label: alone[label] for label in together}


@pytest.mark.parametrize("k", [1, 12])
def test_a_hundred_heads_of_one_shape_change_no_bit(k: int) -> None:
    features = features_of(k, 501)
    heads = [make_head(f"head{i}", dim=501, hidden=(48,), seed=i) for i in range(100)]
    together = rows(heads, features)
    for i in (0, 1, 50, 99):
        assert rows([heads[i]], features)[f"head{i}"] == together[f"head{i}"]
    del together["head7"]
    assert rows([head for head in heads if head.label != "head7"], features) == together


def test_the_layout_of_the_features_changes_no_bit() -> None:
    heads, features = many_heads(5), features_of(12)
    doubled = np.repeat(features, 2, axis=1)[:, ::2]
    assert rows(heads, np.asfortranarray(features)) == rows(heads, doubled) == rows(heads, features)


def test_outputs_are_those_of_the_layers() -> None:
    heads, features = many_heads(10), features_of(4)
    outputs = HeadBank(heads).evaluate(features)
    for i, head in enumerate(heads):
        values = features.astype(np.float64)
        for layer in head.layers:
            values = values @ layer.weight.astype(np.float64).T + layer.bias
            values = np.maximum(values, 0) if layer.activation == "relu" else values
        np.testing.assert_allclose(outputs.logits[i], values[:, 0], rtol=1e-4, atol=1e-3)
        if "severity" in head.outputs:
            np.testing.assert_allclose(outputs.severity[i], values[:, 1], rtol=1e-4, atol=1e-3)
        else:
            assert np.isnan(outputs.severity[i]).all()


def test_heads_that_differ_in_activation_alone_are_kept_apart() -> None:
    layers = make_layers((DIM, 8, 2))
    linear = tuple(Layer(weight=x.weight, bias=x.bias, activation="identity") for x in layers)
    heads = [make_head("a", dim=DIM, layers=layers), make_head("b", dim=DIM, layers=linear)]
    together = rows(heads, features_of(3))
    assert together["a"] != together["b"]
    assert together == {**rows(heads[:1], features_of(3)), **rows(heads[1:], features_of(3))}


def test_no_heads_and_no_windows() -> None:
    assert HeadBank([]).evaluate(features_of(3)).logits.shape == (0, 3)
    assert HeadBank(many_heads(3)).evaluate(features_of(3)[:0]).severity.shape == (3, 0)


@pytest.mark.parametrize("k", [1, 2, 7, 12, 35])
def test_answers_of_many_heads_are_those_of_each_alone(k: int) -> None:
    heads, features = many_heads(23), features_of(k)
    together = HeadBank(heads).answers(features)
    assert together == [answer for head in heads for answer in HeadBank([head]).answers(features)]
    outputs = HeadBank(heads).evaluate(features)
    by_row = [aggregate(*row) for row in zip(heads, outputs.logits, outputs.severity, strict=True)]
    assert [(answer.probability, answer.severity) for answer in together] == by_row


def test_an_answer_is_present_from_the_threshold_of_its_head_on() -> None:
    features, heads = features_of(3), many_heads(4)
    given = [answer.probability for answer in HeadBank(heads).answers(features)]
    values = [given[0], np.nextafter(given[1], 1).item(), 0.0, 1.0]
    judged = [
        replace(head, family=f"family{i}", threshold=Threshold(value=value))
        for i, (head, value) in enumerate(zip(heads, values, strict=True))
    ]
    answers = HeadBank(judged).answers(features)
    assert [(answer.label, answer.family) for answer in answers] == [(f"head{i}", f"family{i}") for i in range(4)]
    assert [(answer.threshold, answer.probability) for answer in answers] == list(zip(values, given, strict=True))
    assert [answer.present for answer in answers] == [True, False, True, False]
    assert [answer.severity is not None for answer in answers] == [True, False, False, True]


def test_a_head_that_overflows_is_named() -> None:
    heads = many_heads(3)
    heads[1].layers[-1].bias[:] = np.nan
    with pytest.raises(HeadTensorError, match="'head1' overflows"):
        list(HeadBank(heads).answers(features_of(2)))


def test_a_head_is_the_same_wherever_it_lies_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    features = features_of(6, 501)
    heads = [make_head(f"head{i}", dim=501, hidden=(48,), seed=i) for i in range(8)]
    together = rows(heads, features)
    monkeypatch.setattr("distortion_heads.heads.bank.BLOCK_BYTES", 3 * 4 * 48 * 520)
    assert rows(heads, features) == together
    monkeypatch.setattr("distortion_heads.heads.bank.BLOCK_BYTES", 0)
    assert rows(heads, features) == together


def test_heads_that_are_read_one_by_one_are_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distortion_heads.heads.bank.BLOCK_BYTES", 0)
    data = dump_head(make_head(dim=4096, hidden=(64,)))
    own = sum(layer.weight.nbytes + layer.bias.nbytes for layer in parse_head(data, "a head").layers)
    tracemalloc.start()
    bank = HeadBank(parse_head(data, "a head") for _ in range(8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 8 * own < peak < 11 * own
    assert len(bank.heads) == 8


def held(make: Callable[[], HeadBank]) -> int:
    """Bytes that are allocated once `make` is done."""
    tracemalloc.start()
    bank = make()
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(bank)
    return current


def test_a_bank_leaves_no_room_where_it_knows_how_many_heads_come(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [make_head(f"head{i}", dim=4096, hidden=(8,), seed=i) for i in range(5)]
    own = sum(layer.weight.nbytes + layer.bias.nbytes for head in heads for layer in head.layers)
    monkeypatch.setattr("distortion_heads.heads.bank.BLOCK_BYTES", own * 4 // 5)
    assert own < held(lambda: HeadBank(heads, expected=5)) < 1.25 * own < 1.55 * own < held(lambda: HeadBank(heads))
    features = features_of(3, 4096)
    answers = [HeadBank(heads, expected=expected).answers(features) for expected in (0, 1, 2, 5, 9)]
    assert answers == [answers[0]] * 5


def test_besides_its_weights_a_head_takes_little_more_than_its_metadata() -> None:
    provenance = replace(make_head().provenance, versions=dict.fromkeys("abcdefgh", "1.0"), image_licenses=("CC0",) * 9)
    files = [dump_head(make_head(f"head{i}", provenance=provenance)) for i in range(200)]
    own = sum(layer.weight.nbytes + layer.bias.nbytes for layer in make_head().layers)
    metadata = len(dump_metadata(parse_head(files[0], "a head")))

    def read() -> HeadBank:
        return HeadBank((parse_head(data, "a head") for data in files), expected=len(files))

    read()
    assert held(read) / len(files) < own + 1.3 * metadata


def test_the_heads_of_a_bank_are_those_that_were_added() -> None:
    heads = many_heads(6)
    for own, head in zip(HeadBank(heads).heads, heads, strict=True):
        assert dump_head(own, "float32") == dump_head(head, "float32")
        assert not any(array.flags.writeable for layer in own.layers for array in (layer.weight, layer.bias))


def test_a_head_may_be_added_to_a_bank_in_use() -> None:
    heads, features = many_heads(3), features_of(4)
    bank = HeadBank(heads[:2])
    before = bank.answers(features)
    bank.add(heads[2])
    after = bank.answers(features)
    assert after[:2] == before
    assert after == HeadBank(heads).answers(features)
    assert len(bank) == len(bank.heads) == 3
    assert not HeadBank()


def test_a_bank_of_one_length_of_features() -> None:
    with pytest.raises(ValueError, match=r"\[12, 96\]"):
        HeadBank([make_head(dim=12), make_head(dim=96)])
    for features in (features_of(3, 12), features_of(3)[0]):
        with pytest.raises(ValueError, match=r"not \(K, 96\)"):
            HeadBank(many_heads(2)).evaluate(features)


def test_a_bank_keeps_its_own_weights() -> None:
    [head] = many_heads(1)
    bank = HeadBank([head])
    before = bank.evaluate(features_of(2)).logits
    head.layers[0].weight[:] = 0
    np.testing.assert_array_equal(bank.evaluate(features_of(2)).logits, before)


def f32(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


PLAIN = make_head(calibration=Calibration())


def test_probability_is_the_mean_of_the_windows() -> None:
    probability, severity = aggregate(PLAIN, f32(0, np.log(3)), f32(2, 4))
    assert probability == pytest.approx((0.5 + 0.75) / 2, rel=1e-6)
    assert severity == pytest.approx((0.5 * 2 + 0.75 * 4) / 1.25, rel=1e-6)


def test_calibration_scales_and_shifts_the_logits() -> None:
    platt = make_head(calibration=Calibration(method="platt", params={"scale": 2, "offset": -3}))
    cold = make_head(calibration=Calibration(method="temperature", params={"scale": 0.5}))
    assert aggregate(platt, f32(2), f32(1))[0] == pytest.approx(1 / (1 + np.exp(-1)))
    assert aggregate(cold, f32(2), f32(1))[0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_severities_stay_on_the_scale_and_follow_the_distorted_windows() -> None:
    assert aggregate(PLAIN, f32(0, 0), f32(-40, 40))[1] == 3
    assert aggregate(PLAIN, f32(1, 2), f32(99, 7))[1] == 5
    assert aggregate(PLAIN, f32(-9, 9, -9), f32(1, 4, 1))[1] == pytest.approx(4, abs=0.01)
    assert aggregate(PLAIN, f32(-2000, -2000), f32(2, 4)) == (0.0, 3.0)


def test_a_head_without_severity_has_none() -> None:
    head = make_head(outputs=("presence",), calibration=Calibration())
    assert aggregate(head, f32(0), f32(np.nan)) == (0.5, None)


@pytest.mark.parametrize(("logit", "severity"), [(np.nan, 1), (0, np.nan)])
def test_outputs_that_are_no_numbers_are_refused(logit: float, severity: float) -> None:
    with pytest.raises(HeadTensorError, match="'white_noise' overflows"):
        aggregate(PLAIN, f32(logit, 0), f32(severity, 1))


def test_weights_that_overflow_warn_nobody_and_harm_no_other_head() -> None:
    [good] = many_heads(1)
    huge = tuple(
        Layer(weight=x.weight * np.float32(1e38), bias=x.bias, activation=x.activation)
        for x in make_layers((DIM, 64, 2), seed=5)
    )
    bad = make_head("bad", dim=DIM, layers=huge)
    features = features_of(4) * np.float32(1e3)
    outputs = HeadBank([bad, good]).evaluate(features)
    assert outputs.logits[1].tobytes() == rows([good], features)["head0"][0]
    assert not np.isfinite(outputs.logits[0]).all()


any_float32 = st.floats(width=32, allow_nan=False)


@given(
    st.lists(st.tuples(any_float32, any_float32), min_size=1, max_size=9),
    st.floats(-1e300, 1e300).filter(bool),
    st.floats(-1e300, 1e300),
)
def test_the_image_is_always_on_its_scales(windows: list[tuple[float, float]], scale: float, offset: float) -> None:
    head = make_head(calibration=Calibration(method="platt", params={"scale": scale, "offset": offset}))
    logits, severities = np.array(windows, np.float32).T
    probability, severity = aggregate(head, logits, severities)
    assert 0 <= probability <= 1
    assert severity is not None
    assert 1 <= severity <= 5
    assert (probability, severity) == aggregate(head, logits, severities)


def test_sigmoid_is_stable_and_symmetric() -> None:
    z = np.array([-np.inf, -1e308, -750, -1, 0, 1, 750, 1e308, np.inf])
    values = sigmoid(z)
    np.testing.assert_allclose(values + sigmoid(-z), 1)
    assert (np.diff(values) >= 0).all()
    assert values[[0, 4, -1]].tolist() == [0, 0.5, 1]
    assert values[3] == pytest.approx(1 / (1 + np.e))
