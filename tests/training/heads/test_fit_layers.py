"""Fitting, calibration, thresholds and metrics on features whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.head import Provenance
from distortion_heads.metrics.measure import expected_calibration_error, measure
from distortion_heads.metrics.thresholds import Limits, choose_threshold
from distortion_heads.spec import BackboneRef, View, width_of
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.calibration import calibrate, image_probabilities
from helpers.sample_heads import aggregate

DIM = 48


def cloud(n: int, seed: int, gap: float = 1.5, windows: int = 3) -> Examples:
    """Images whose first four features are raised by `gap` times (severity / 3) where the distortion is present."""
    rng = np.random.default_rng(seed)
    present = np.arange(n) % 2 == 0
    severity = np.where(present, rng.uniform(1, 5, n), np.nan)
    shift = gap * np.nan_to_num(severity) / 3
    features = [rng.standard_normal((windows, DIM)) + s * (np.arange(DIM) < 4) for s in shift]
    return Examples.pack([f.astype(np.float32) for f in features], present, severity)


def provenance() -> Provenance:
    return Provenance(data="cloud", data_sha256="0" * 64, n_pos=1, n_neg=1, seed=0, command="test")


@pytest.fixture(scope="module")
def trained() -> tuple[object, Examples]:
    from distortion_heads.training.heads.train_head import HeadCard, train_head

    hold = cloud(200, 1)
    ref = BackboneRef(name="tiny", fingerprint="0" * 64, dim=DIM)
    card = HeadCard(label="made", title="Made", family="test", license="CC0-1.0")
    return train_head(cloud(400, 0), hold, card, ref, provenance(), with_severity=True, limits=Limits(clean=0.05)), hold


def test_a_head_learns_presence_and_severity(trained: tuple[object, Examples]) -> None:
    from scipy.stats import spearmanr

    from distortion_heads.heads.head import HeadFile

    head, hold = trained
    assert isinstance(head, HeadFile)
    assert head.metrics.auroc is not None
    assert head.metrics.auroc > 0.95
    assert head.metrics.fpr_clean is not None
    assert head.metrics.fpr_clean <= 0.05
    outputs = HeadBank([head]).evaluate(hold.windows)
    severities = []
    for i in range(len(hold)):
        rows = slice(hold.starts[i], hold.starts[i + 1])
        severities.append(aggregate(head, outputs.logits[0, rows], outputs.severity[0, rows])[1])
    found = np.array(severities, float)[hold.labels]
    assert spearmanr(found, hold.severity[hold.labels]).statistic > 0.6


def test_what_was_measured_is_what_predict_will_say(trained: tuple[object, Examples]) -> None:
    """The file's calibration, on the file's weights, gives the measured figures again."""
    from distortion_heads.heads.file import dump_head, parse_head
    from distortion_heads.heads.head import HeadFile

    head, hold = trained
    assert isinstance(head, HeadFile)
    again = parse_head(dump_head(head), "memory")
    outputs = HeadBank([again]).evaluate(hold.windows)
    p = np.array(
        [
            aggregate(again, outputs.logits[0, a:b], outputs.severity[0, a:b])[0]
            for a, b in zip(hold.starts[:-1], hold.starts[1:], strict=True)
        ]
    )
    assert measure(p, hold.labels, hold.clean, again.threshold.value, again.metrics.split) == again.metrics


def test_fitting_is_deterministic_in_its_seed() -> None:
    from distortion_heads.training.heads.fit_layers import fit_layers

    a, b, c = (fit_layers(cloud(60, 0), with_severity=False, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a[0].weight, b[0].weight)
    assert not np.array_equal(a[0].weight, c[0].weight)


def test_gradients_are_those_of_the_loss() -> None:
    """Against finite differences, in a model small enough for float32."""
    from distortion_heads.training.heads import fit_layers as fit

    examples = cloud(20, 0)
    head = fit.Perceptron.random(DIM, fit.HIDDEN, 2, np.random.default_rng(0))
    targets = fit._Targets.of(examples, with_severity=True)
    batch = np.arange(len(examples.windows))
    x = examples.windows.astype(np.float32)

    def loss() -> float:
        out = head.forward(x)[1].astype(np.float64)
        z, y = out[:, 0], targets.present
        bce = np.mean(targets.weight * (np.logaddexp(0, z) - y * z))
        miss = np.abs(out[:, 1] - targets.severity)
        beta = fit.SEVERITY_BETA
        smooth = np.where(miss < beta, miss**2 / (2 * beta), miss - beta / 2)
        return float(bce + fit.SEVERITY_WEIGHT * np.nanmean(smooth))

    hidden, out = head.forward(x)
    gradients = head.gradients(x, hidden, targets.gradient(out, batch))
    for parameter, gradient in zip(head.parameters, gradients, strict=True):
        index = np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
        before, step = parameter[index], np.float32(1e-2)
        parameter[index] = before + step
        high = loss()
        parameter[index] = before - step
        low = loss()
        parameter[index] = before
        assert (high - low) / (2 * step) == pytest.approx(float(gradient[index]), rel=0.05)


def test_fitting_goes_on_from_given_layers() -> None:
    from distortion_heads.training.heads import fit_layers as fit

    start = fit.fit_layers(cloud(60, 0), with_severity=True, seed=1)
    again = fit.Perceptron.of(*start)
    x = cloud(10, 3).windows
    expected = np.maximum(x @ start[0].weight.T + start[0].bias, 0) @ start[1].weight.T + start[1].bias
    np.testing.assert_allclose(again.forward(x)[1], expected, atol=1e-4)
    went_on = fit.fit_layers(cloud(60, 0), with_severity=True, seed=1, start=start)
    assert not np.array_equal(went_on[0].weight, start[0].weight)


def test_features_of_many_pictures_are_not_whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    from distortion_heads.training.heads import fit_layers as fit

    few = fit.fit_layers(cloud(60, 0), with_severity=False, seed=1)
    monkeypatch.setattr(fit, "MANY", 60)
    many = fit.fit_layers(cloud(60, 0), with_severity=False, seed=1)
    assert not np.array_equal(few[0].weight, many[0].weight)
    monkeypatch.setattr(fit, "Whitening", None)
    again = fit.fit_layers(cloud(60, 0), with_severity=False, seed=1)
    assert np.array_equal(many[0].weight, again[0].weight)
    monkeypatch.setattr(fit, "MOST", 60)
    most = fit.fit_layers(cloud(60, 0), with_severity=False, seed=1)
    assert not np.array_equal(most[0].weight, many[0].weight)


@pytest.mark.parametrize(
    ("view", "whitened"), [("native", True), ("overview", True), ("light", False), ("temporal", False)]
)
def test_views_with_statistics_of_their_own_are_not_whitened(view: View, whitened: bool) -> None:
    from distortion_heads.training.heads.fit_layers import fit_layers
    from distortion_heads.training.heads.train_head import HeadCard, train_head

    def seen(n: int, seed: int) -> Examples:
        examples = cloud(n, seed)
        rest = np.zeros((len(examples.windows), width_of(view, DIM) - DIM), np.float32)
        return replace(examples, windows=np.concatenate([examples.windows, rest], axis=1))

    ref = BackboneRef(name="tiny", fingerprint="0" * 64, dim=DIM)
    card = HeadCard(label="made", title="Made", family="test", license="CC0-1.0", view=view)
    head = train_head(seen(60, 0), seen(40, 1), card, ref, provenance(), seed=1)
    first, _ = fit_layers(seen(60, 0), with_severity=False, seed=1, whitened=whitened)
    assert np.array_equal(head.layers[0].weight, first.weight.astype(np.float16))


def test_calibration_repairs_overconfidence() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1.5, 4000)
    labels = rng.random(4000) < 1 / (1 + np.exp(-truth))
    hold = Examples.pack([np.zeros((1, 1))] * 4000, labels)
    logits = 6 * truth + 2
    found = calibrate(logits, hold)
    assert found.method == "platt"
    assert found.scale == pytest.approx(1 / 6, rel=0.15)
    p = image_probabilities(logits, hold.starts, found.scale, found.offset)
    assert expected_calibration_error(p, labels) < 0.03
    assert expected_calibration_error(image_probabilities(logits, hold.starts, 1, 0), labels) > 0.1


def test_few_images_get_a_temperature_only() -> None:
    hold = cloud(40, 0)
    assert calibrate(np.where(np.repeat(hold.labels, 3), 2.0, -2.0), hold).method == "temperature"


def test_image_probability_is_the_mean_of_the_windows() -> None:
    logits = np.array([0.0, 100.0, -100.0])
    np.testing.assert_allclose(image_probabilities(logits, np.array([0, 2, 3]), 1, 0), [0.75, 0.0], atol=1e-12)


@pytest.mark.parametrize(("limit", "alarms"), [(None, 1), (0.0, 0)])
def test_the_threshold_respects_clean_pictures(limit: float | None, alarms: int) -> None:
    p = np.array([0.9, 0.8, 0.6, 0.55, 0.5, 0.3, 0.2, 0.1])
    labels = np.array([True, True, False, True, True, False, False, False])
    threshold = choose_threshold(p, labels, ~labels, Limits(clean=limit))
    assert (p[~labels] >= threshold.value).sum() == alarms


def test_metrics_of_a_known_case() -> None:
    p = np.array([0.9, 0.7, 0.4, 0.2])
    labels = np.array([True, False, True, False])
    found = measure(p, labels, np.array([False, False, False, True]), 0.5, "toy")
    assert (found.auroc, found.f1, found.fpr_clean) == (0.75, 0.5, 0.0)
    assert found.ece == pytest.approx((0.1 + 0.7 + 0.6 + 0.2) / 4)


def test_metrics_of_one_class_are_left_out() -> None:
    ones: NDArray[np.bool_] = np.ones(3, bool)
    found = measure(np.array([0.2, 0.6, 0.9]), ones, ~ones, 0.5, "toy")
    assert (found.auroc, found.ap, found.fpr_clean) == (None, None, None)
