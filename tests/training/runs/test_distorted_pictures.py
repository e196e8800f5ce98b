"""Features of distorted pictures as what the bundled heads are fitted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.heads.file import read_head
from distortion_heads.heads.head import Provenance
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import LIGHT_STATISTICS, BackboneRef, HeadSpec, View, width_of
from distortion_heads.training.runs.distorted_pictures import FeatureSet, with_family
from distortion_heads.training.runs.fit_bundled_heads import HeadsJob, fit_heads
from distortion_heads.training.runs.from_clean_pictures import RIVALS
from helpers.sample_heads import make_layers

DIM, N = 6, 120
REF = BackboneRef(name="tiny", fingerprint="ab" * 32, dim=DIM)


def features(seed: int, heads: int = 2) -> FeatureSet:
    """Pictures of one or two windows; the first head's distortion shows in the last statistic of light alone."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 3, N)
    severity = np.where(rng.random((N, heads)) < 0.4, rng.uniform(1, 5, (N, heads)), 0).astype(np.float32)
    light = (0.1 * rng.standard_normal((N, LIGHT_STATISTICS))).astype(np.float16)
    light[:, -1] += 3 * severity[:, 0].astype(np.float16)
    return FeatureSet(
        native=rng.standard_normal((counts.sum(), DIM)).astype(np.float16),
        starts=np.concatenate([[0], np.cumsum(counts)]),
        overview=rng.standard_normal((N, DIM)).astype(np.float16),
        light=light,
        severity=severity,
    )


def job(folder: Path, *views: View, starts: bool = False) -> HeadsJob:
    specs = tuple(
        HeadSpec(label=f"h{i}", title="H", family="air", description="", view=view) for i, view in enumerate(views)
    )
    first, last = make_layers((DIM, 32, 2))
    provenance = Provenance(data="made", data_sha256="cd" * 32, n_pos=0, n_neg=0, seed=0, command="dheads train")
    return HeadsJob(
        folder=folder,
        specs=specs,
        starts=((first, last),) * len(specs) if starts else (),
        backbone=REF,
        provenance=provenance,
        license="CC0-1.0",
    )


def test_light_examples_are_what_prediction_reads() -> None:
    """The overview, then the statistics: the order of `with_light`."""
    made = features(0)
    seen = made.examples(0, "light")
    assert seen.windows.shape == (N, width_of("light", DIM))
    assert np.array_equal(seen.windows[:, :DIM], made.overview)
    assert np.array_equal(seen.windows[:, DIM:], made.light)
    assert np.array_equal(made.examples(0, "overview").windows, made.overview)


def test_pictures_of_one_family_are_appended_in_every_view() -> None:
    made, family = features(0, 3), features(1, 1)
    both = with_family(made, family, [2])
    for view in ("native", "overview", "light"):
        windows = both.examples(2, view).windows
        assert np.array_equal(
            windows, np.concatenate([made.examples(2, view).windows, family.examples(0, view).windows])
        )
    assert np.array_equal(both.severity[N:], np.pad(family.severity, ((0, 0), (2, 0))))


def test_uneven_light_is_a_rival_of_exposure() -> None:
    """Of whatever family they are, these look alike, and are told apart on pictures of their own."""
    families = {label: head.spec.family for label, head in build_registry(no_plugins=True, environ={}).heads.items()}
    for label in ("under_exposure", "uneven_illumination", "vignetting"):
        assert any({"exposure", families[label]} <= set(rivals) for rivals in RIVALS)


@pytest.mark.parametrize("starts", [False, True])
def test_a_light_head_finds_what_only_light_shows(tmp_path: Path, starts: bool) -> None:
    """With layers of a joint training too, which know no statistics of light."""
    list(fit_heads(job(tmp_path, "light", "native", starts=starts), features(0), features(1)))
    light, native = (read_head(tmp_path / f"h{i}.safetensors") for i in range(2))
    assert (light.view, light.license) == ("light", "CC0-1.0")
    assert light.metrics.auroc is not None
    assert light.metrics.auroc > 0.9
    assert native.layers[0].weight.shape == (32, DIM)


def test_a_joint_training_that_learnt_nothing_does_not_spoil_a_head_of_few_pictures(tmp_path: Path) -> None:
    fit, hold = features(0), features(1)
    for made in (fit, hold):
        made.native[:, 0] += 3 * np.repeat(made.severity[:, 0], np.diff(made.starts)).astype(np.float16)
    started = job(tmp_path, "native", starts=True)
    ((first, last),) = started.starts
    dead = replace(first, bias=np.full_like(first.bias, -1e3))  # no hidden unit ever answers
    list(fit_heads(replace(started, starts=((dead, last),)), fit, hold))
    auroc = read_head(tmp_path / "h0.safetensors").metrics.auroc
    assert auroc is not None
    assert auroc > 0.9


def test_a_head_of_another_view_is_fitted_again(tmp_path: Path) -> None:
    list(fit_heads(job(tmp_path, "overview"), features(0), features(1)))
    list(fit_heads(job(tmp_path, "light"), features(0), features(1)))
    assert read_head(tmp_path / "h0.safetensors").view == "light"


def test_a_head_that_is_there_is_not_fitted_again(tmp_path: Path) -> None:
    list(fit_heads(job(tmp_path, "light"), features(0), features(1)))
    before = read_head(tmp_path / "h0.safetensors")
    list(fit_heads(job(tmp_path, "light"), features(2), features(1)))
    assert np.array_equal(read_head(tmp_path / "h0.safetensors").layers[0].weight, before.layers[0].weight)
