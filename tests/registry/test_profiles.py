"""Profiles on disk, what they are refused for, and the file of a project."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.errors import ProfileError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.backbones import read_ref
from distortion_heads.registry.build import Registry
from distortion_heads.registry.profiles import OwnThreshold, Profile, Profiles, head_fingerprint
from distortion_heads.registry.project_file import find_project
from helpers.command_line import attach, write_picture


@pytest.fixture
def registry(home: Path) -> Registry:
    for label in ("one", "two"):
        attach(home, read_ref(bundled_backbone()), label, family=label)
    return load_registry()


def profile_of(registry: Registry, *labels: str) -> Profile:
    return Profile(
        name="mine",
        backbone=read_ref(bundled_backbone()),
        promise="any",
        rate=0.01,
        confidence=0.9,
        clean=400,
        any_alarms=2,
        data="endoscope",
        created_with="distortion-heads 0.1.0",
        heads=tuple(
            OwnThreshold(label=label, fingerprint=head_fingerprint(registry.heads[label]), value=value, alarms=1)
            for label, value in zip(labels, (0.123456789, 2.0), strict=False)
        ),
    )


def test_a_profile_is_read_as_it_was_written(home: Path, registry: Registry) -> None:
    profiles, profile = Profiles(home), profile_of(registry, "one", "two")
    path = profiles.save(profile, overwrite=False)
    assert profiles.load("mine") == profiles.load(str(path)) == profile
    assert profiles.names() == ("mine",)
    with pytest.raises(ProfileError, match="--force"):
        profiles.save(profile, overwrite=False)
    profiles.save(replace(profile, any_alarms=3), overwrite=True)
    assert profiles.load("mine").any_alarms == 3


def test_thresholds_are_laid_over_the_heads(tmp_path: Path, registry: Registry) -> None:
    picture = write_picture(tmp_path / "a.png")
    before = Predictor(["one", "two"], registry=registry).predict(picture)
    after = Predictor(["one", "two"], registry=registry, profile=profile_of(registry, "one", "two")).predict(picture)
    assert [head.probability for head in after.heads] == [head.probability for head in before.heads]
    assert [head.threshold for head in after.heads] == [0.123456789, 1.0]
    assert [head.present for head in after.heads] == [after.heads[0].probability >= 0.123456789, False]


def test_thresholds_travel_to_other_processes(tmp_path: Path, registry: Registry) -> None:
    picture = write_picture(tmp_path / "a.png")
    predictor = Predictor(["one", "two"], registry=registry, profile=profile_of(registry, "one", "two"))
    assert pickle.loads(pickle.dumps(predictor)).predict(picture) == predictor.predict(picture)


def test_a_profile_for_other_heads_is_refused(home: Path, registry: Registry) -> None:
    with pytest.raises(ProfileError, match="no threshold for the head 'two': run `dheads calibrate"):
        Predictor(["one", "two"], registry=registry, profile=profile_of(registry, "one"))
    Predictor(["one"], registry=registry, profile=profile_of(registry, "one"))
    profile = profile_of(registry, "one", "two")
    attach(home, read_ref(bundled_backbone()), "two", family="two", seed=77)
    with pytest.raises(ProfileError, match="made with another head 'two'"):
        Predictor(["one", "two"], profile=profile)


def test_a_profile_for_another_backbone_is_refused(registry: Registry) -> None:
    profile = profile_of(registry, "one", "two")
    other = replace(profile, backbone=replace(profile.backbone, fingerprint="0" * 64))
    with pytest.raises(ProfileError, match="is for the backbone dheads_small@000000000000, not for"):
        Predictor(["one"], registry=registry, profile=other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other/1"}, "not of the schema"),
        ({"rate": 0}, r"\.rate is not a number above 0"),
        ({"heads": [{"label": "one"}]}, r"\.heads\[0\] lacks the key"),
        ({"more": 1}, "has an unknown key 'more'"),
    ],
)
def test_damaged_profiles_are_refused(home: Path, registry: Registry, change: dict[str, object], message: str) -> None:
    path = Profiles(home).save(profile_of(registry, "one"), overwrite=False)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ProfileError, match=message):
        Profiles(home).load("mine")


def test_what_is_no_profile_is_refused(home: Path) -> None:
    with pytest.raises(ProfileError, match="there are: none"):
        Profiles(home).load("mine")
    with pytest.raises(ProfileError, match="lower-case"):
        Profiles(home).load("../mine")
    (home / "profiles").mkdir()
    (home / "profiles" / "mine.json").write_bytes(b"\xff{")
    with pytest.raises(ProfileError, match="is no JSON"):
        Profiles(home).load("mine")


def test_the_nearest_project_file_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "dheads.toml").write_text('profile = "outer"\n')
    found = find_project(inner)
    assert found is not None
    assert found.profile == "outer"
    (tmp_path / "a" / "dheads.toml").write_text('profile = "own.json"\n')
    found = find_project(inner)
    assert found is not None
    assert found.profile == str(tmp_path / "a" / "own.json")
    for text, message in (("profile = 3", "must be a text"), ("profil = 'x'", "unknown key"), ("=", "no TOML")):
        (inner / "dheads.toml").write_text(text)
        with pytest.raises(ProfileError, match=message):
            find_project(inner)
