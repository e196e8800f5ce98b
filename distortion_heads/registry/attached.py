"""Load the heads that are attached, and list those that cannot be used."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distortion_heads.errors import BackboneMismatchError, HeadFileError, HeadSchemaError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import check_backbone, parse_head, read_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.heads.quality import QualityHeads
from distortion_heads.registry.build import RegisteredHead, Registry, build_registry
from distortion_heads.registry.discovery import USER
from distortion_heads.registry.profiles import Profile
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import HEAD_VIEWS, QUALITY, TEMPORAL, BackboneRef, HeadSpec, View

NAMED = 3
"""Heads of another backbone that are named."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An attached head that cannot be used, and why; the others go on without it.

    `foreign`: it was made for another backbone.
    """

    label: str
    reason: str
    foreign: bool = False

    def __str__(self) -> str:
        return f"head {self.label!r} is left out: {self.reason}"


def problem_lines(problems: Sequence[Problem], folder: str | None = None) -> list[str]:
    """Return a line per problem, and one for all heads of another backbone; `folder` is that of the backbone in use."""
    foreign = [problem.label for problem in problems if problem.foreign]
    if len(foreign) < 2:
        return [str(problem) for problem in problems]
    named = ", ".join(foreign[:NAMED]) + (f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else "")
    place = "" if folder is None else f" --backbone {shlex.quote(folder)}"
    advice = f"train one again with `dheads add-head LABEL --data PATH{place or ' --force'}`"
    if folder is not None:
        advice = (
            f"fit them again with `dheads train --refit-heads --images DIR --out {shlex.quote(folder)}`, or {advice}"
        )
    line = f"{len(foreign)} heads were made for another backbone: {named} are left out: {advice}"
    return [line, *(str(problem) for problem in problems if not problem.foreign)]


def load_registry(*, no_plugins: bool = False) -> Registry:
    """Return the heads and backbones that are installed, and the user's own heads."""
    return build_registry(user_heads=Store.default(os.environ).user_plugin(), no_plugins=no_plugins)


def load_installed_head(head: RegisteredHead, backbone: BackboneRef) -> HeadFile:
    """Read and check the file of one head; raise `HeadFileError`, which names its plugin, if it cannot be used."""
    try:
        return _load(head.spec, backbone)
    except HeadFileError as error:
        if head.owner.is_builtin or head.owner.distribution == USER:
            raise
        raise type(error)(f"plugin {head.owner}: {error}") from None


def _load(spec: HeadSpec, backbone: BackboneRef) -> HeadFile:
    weights = spec.weights
    if weights is None:
        command = "train --clips DIR" if spec.view == TEMPORAL else f"add-head {spec.label} --clean DIR"
        raise HeadFileError(f"it has no weights yet; train it with `dheads {command}`")
    file = read_head(weights)
    if file.label != spec.label:
        raise HeadSchemaError(f"{weights} holds the head {file.label!r}, not {spec.label!r}")
    if file.scope != spec.scope:
        raise HeadSchemaError(f"{weights} holds a head of the scope {file.scope!r}, not {spec.scope!r}")
    check_backbone(file, backbone, str(weights))
    return file


def banks_of(files: Sequence[bytes]) -> dict[View, HeadBank]:
    """Return a bank per view of the heads in these files' bytes, in their order."""
    banks = {view: HeadBank(expected=len(files)) for view in HEAD_VIEWS}
    for data in files:
        head = parse_head(data, "head")
        banks[head.view].add(head)
    return banks


def qualities_of(files: Sequence[bytes]) -> QualityHeads:
    """Return the heads of quality in these files' bytes, in their order."""
    qualities = QualityHeads()
    for data in files:
        qualities.add(parse_head(data, "head"))
    return qualities


def load_banks(
    chosen: Sequence[RegisteredHead], backbone: BackboneRef, *, must_work: bool, profile: Profile | None = None
) -> tuple[dict[View, HeadBank], tuple[str, ...], tuple[Problem, ...]]:
    """Return a bank per view, the labels of all heads in their order, and the heads that cannot be used.

    All but those of quality. With `must_work` the first that cannot be used raises instead. Heads are loaded one by
    one, so that none is held twice. `profile` lays its thresholds over theirs; raises `ProfileError` if it was made
    for others.
    """
    if profile is not None:
        profile.check_backbone(backbone)
    banks = {view: HeadBank(expected=len(chosen)) for view in HEAD_VIEWS}
    labels: list[str] = []
    problems: list[Problem] = []
    judging = {head.spec.label: head for head in chosen if head.spec.scope != QUALITY}
    for file in _usable(list(judging.values()), backbone, must_work, problems):
        banks[file.view].add(file if profile is None else profile.laid_over(file, judging[file.label]))
        labels.append(file.label)
    return banks, tuple(labels), tuple(problems)


def load_qualities(
    chosen: Sequence[RegisteredHead], backbone: BackboneRef, *, must_work: bool
) -> tuple[QualityHeads, tuple[Problem, ...]]:
    """Return the heads of quality, and those that cannot be used; see `load_banks`."""
    qualities = QualityHeads()
    problems: list[Problem] = []
    for file in _usable([head for head in chosen if head.spec.scope == QUALITY], backbone, must_work, problems):
        qualities.add(file)
    return qualities, tuple(problems)


def _usable(
    chosen: Sequence[RegisteredHead], backbone: BackboneRef, must_work: bool, problems: list[Problem]
) -> Iterator[HeadFile]:
    for head in chosen:
        if head.spec.weights is None and not must_work:
            continue
        try:
            yield load_installed_head(head, backbone)
        except HeadFileError as error:
            if must_work:
                raise type(error)(f"head {head.spec.label!r}: {error}") from None
            foreign = isinstance(error, BackboneMismatchError)
            problems.append(Problem(label=head.spec.label, reason=str(error), foreign=foreign))
