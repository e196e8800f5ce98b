"""Keep thresholds of one's own as profiles, `HOME/profiles/NAME.json`: for certain heads on a certain backbone.

Heads' files never change: a profile is laid over them as they are loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import InvalidLabelError, ProfileError
from distortion_heads.heads.codec import OPTIONAL, Count, Figure, PositiveFraction, RefusedError, Rule, record_of
from distortion_heads.heads.head import HeadFile, Threshold
from distortion_heads.registry.build import PROFILE_SUFFIX as SUFFIX
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import TEMPORAL, BackboneRef, check_label

SCHEMA = "dheads-profile/1"
OWN = "profile "
"""Beginning of the objective of a threshold of one's own."""
MAX_BYTES = 4 * 2**20

Promise: TypeAlias = Literal["any", "each"]
"""The thing that is rare on clean pictures: an alarm of any family, or one of a certain head."""

Limit: TypeAlias = Annotated[
    float, Rule(lambda v: type(v) in (int, float) and 0 <= v <= 2, "a number in [0, 2], where 2 is never", float)
]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnThreshold:
    """The threshold of one head. `fingerprint`: SHA-256 of the head's file; `alarms`: of the clean pictures.

    `faults`, `recall` and `f1` are of the labelled faults, if any were given.
    """

    label: str
    fingerprint: str
    value: Limit
    alarms: Count
    faults: Count = field(default=0, metadata={OPTIONAL: True})
    recall: Figure = field(default=None, metadata={OPTIONAL: True})
    f1: Figure = field(default=None, metadata={OPTIONAL: True})


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Thresholds made from `clean` pictures: at most `rate` of new ones like these are false alarms.

    That is true with the probability `confidence`. `any_alarms`: of the `clean` pictures, with these thresholds.
    """

    schema: str = SCHEMA
    name: str
    backbone: BackboneRef
    promise: Promise
    rate: PositiveFraction
    confidence: PositiveFraction
    clean: Count
    any_alarms: Count
    data: str
    created_with: str
    heads: tuple[OwnThreshold, ...]

    @property
    def said(self) -> str:
        """Say what is promised, in a phrase."""
        what = "false alarms of any family" if self.promise == "any" else "false alarms of each head"
        rate, confidence = (f"{100 * value:.3g} %" for value in (self.rate, self.confidence))
        return f"{what} on at most {rate} of clean pictures (confidence {confidence})"

    def thresholds(self) -> Mapping[str, OwnThreshold]:
        """Return the thresholds by the labels of their heads."""
        return {own.label: own for own in self.heads}

    def check_backbone(self, backbone: BackboneRef) -> None:
        """Raise `ProfileError` unless it was made on this backbone."""
        if (self.backbone.fingerprint, self.backbone.dim) != (backbone.fingerprint, backbone.dim):
            raise ProfileError(
                f"profile {self.name!r} is for the backbone {self.backbone}, not for {backbone}: {self._again}"
            )

    def laid_over(self, file: HeadFile, head: RegisteredHead) -> HeadFile:
        """Return the content `file` of `head` with the threshold that it has here.

        Heads of successive frames keep their own. Raises `ProfileError` unless it was made for just this head.
        """
        if file.view == TEMPORAL:
            return file
        own = self.thresholds().get(file.label)
        if own is None:
            raise ProfileError(
                f"profile {self.name!r} has no threshold for the head {file.label!r}: {self._again}, or leave it out"
            )
        if own.fingerprint != head_fingerprint(head):
            raise ProfileError(
                f"profile {self.name!r} was made with another head {file.label!r} than the one attached now: "
                f"{self._again}"
            )
        value = min(own.value, 1.0)  # never, as far as a head file can say so
        return replace(file, threshold=Threshold(value=value, objective=f"{OWN}{self.name}: {self.said}"))

    @property
    def _again(self) -> str:
        return f"run `dheads calibrate --profile {self.name} --force` again"


def head_fingerprint(head: RegisteredHead) -> str:
    """Return the SHA-256 of a head's file. Raises `ProfileError` if it cannot be read."""
    assert head.spec.weights is not None
    try:
        return hashlib.sha256(head.spec.weights.read_bytes()).hexdigest()
    except OSError as error:
        raise ProfileError(f"{head.spec.weights} cannot be read: {reason(error)}") from None


@dataclass(frozen=True)
class Profiles:
    """The profiles in a user's folder `home`, which need not exist before the first is saved, and `installed` ones."""

    home: Path
    installed: Mapping[str, Path | Traversable] = field(default_factory=dict)

    @classmethod
    def default(cls, registry: Registry, environ: Mapping[str, str] = os.environ) -> Profiles:
        """Return those beside the user's own heads, and those of plugins. Raises `StoreError`."""
        return cls(Store.default(environ).home, registry.profiles())

    def path(self, name: str) -> Path:
        """Return the file of the profile `name`, which is the file itself if it ends with .json.

        Raises `ProfileError`.
        """
        if name.endswith(SUFFIX):
            return Path(name)
        try:
            return self.home / "profiles" / f"{check_label(name)}{SUFFIX}"
        except InvalidLabelError:
            raise ProfileError(f"no profile can be called {name!r}: use lower-case letters, digits and _") from None

    def names(self) -> tuple[str, ...]:
        """Return the names in use, sorted."""
        own = {file.stem for file in (self.home / "profiles").glob(f"[!.]*{SUFFIX}")}
        return tuple(sorted(own | self.installed.keys()))

    def load(self, name: str) -> Profile:
        """Read a profile, the user's own before one of a plugin.

        Raises `ProfileError` if there is none or it is no profile.
        """
        path: Path | Traversable = self.path(name)
        if name in self.installed and not self.path(name).exists():
            path = self.installed[name]
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            known = ", ".join(self.names()) or "none"
            raise ProfileError(
                f"no profile {name!r} (there are: {known}): make one with `dheads calibrate --clean DIR`"
            ) from None
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {reason(error)}") from None
        return _parsed(data, path)

    def save(self, profile: Profile, *, overwrite: bool) -> Path:
        """Write a profile, whole or not at all, under its name. Raises `ProfileError` if that is taken or fails."""
        path = self.path(profile.name)
        if not overwrite and path.exists():
            raise ProfileError(f"{path} exists: replace it with --force, or give --profile another name")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, profile_bytes(profile))
        except OSError as error:
            raise ProfileError(f"{path} cannot be written: {reason(error)}") from None
        return path


def profile_bytes(profile: Profile) -> bytes:
    """Return the file of a profile."""
    return (json.dumps(record_of(Profile).write(profile), indent=1, allow_nan=False) + "\n").encode()


def _parsed(data: bytes, path: Path | Traversable) -> Profile:
    try:
        if len(data) > MAX_BYTES:
            raise RefusedError(" is too large")
        value = json.loads(data)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise RefusedError(f" is not of the schema {SCHEMA}")
        profile: Profile = record_of(Profile).read(value)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, RefusedError) else " is no JSON"
        raise ProfileError(f"{path} is no profile: it{why}") from None
    return profile


def as_profile(profile: Profile | str | None, registry: Registry) -> Profile | None:
    """Return a profile itself, or the one of that name. Raises `ProfileError`."""
    return Profiles.default(registry).load(profile) if isinstance(profile, str) else profile
