"""Make a pip package of trained heads: hooks, weights, card, licence and a test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from distortion_heads.errors import DataError, HeadFileError, LabelTakenError
from distortion_heads.export.licences import check_may_pass_on, head_licence, joint_licence, picture_licences
from distortion_heads.export.package_files import Contents, PackedHead, package_files
from distortion_heads.export.packed_profile import profile_of_package
from distortion_heads.export.sample import answers_for
from distortion_heads.heads.file import check_backbone, dump_exactly, parse_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.build import Registry
from distortion_heads.registry.discovery import USER
from distortion_heads.registry.of_files import registry_of
from distortion_heads.registry.profiles import Profile
from distortion_heads.spec import BackboneRef

SUFFIX = ".safetensors"
_NAME = re.compile(r"dheads(-[a-z0-9]+)+")
_OURS = ("dheads-cli", "dheads-plugins", "dheads-icip2020")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class PackRequest:
    """Which heads go into a package, and what is said of them.

    `heads`: labels of the user's own heads, or head files. `name` defaults to that of the one head. `licence` is an
    SPDX expression for heads whose files state none, and `picture_licences` those of training pictures likewise.
    `synthesizers`: Python files LABEL.py whose function `synthesize` makes the distortion of that head. `profile`:
    thresholds that come with the heads.
    """

    heads: tuple[str, ...]
    name: str | None = None
    version: str = "0.1.0"
    description: str | None = None
    licence: str | None = None
    picture_licences: tuple[str, ...] = ()
    non_commercial: bool = False
    synthesizers: tuple[Path, ...] = ()
    profile: Profile | None = None


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that is ready to be written: `files` by their path in its folder."""

    name: str
    version: str
    licence: str
    heads: tuple[HeadFile, ...]
    files: Mapping[str, bytes] = field(repr=False)


def make_package(request: PackRequest, registry: Registry, backbone: BackboneRef) -> Package:
    """Return the package of these heads, which must read `backbone`.

    Raises `DataError` for a name, licence or provenance that will not do, `UnknownHeadError`, `LabelTakenError` for a
    head that comes with another package, `HeadFileError` if a file cannot be used, and `ProfileError` for a profile of
    other heads.
    """
    sources = {_label(head): head for head in request.heads}
    name = _checked_name(request.name, tuple(sources))
    _check_version(request.version)
    generators = _generators(request.synthesizers, tuple(sources))
    packed = []
    for source in sources.values():
        path = _find(source, registry, name)
        packed.append(_packed(path, request, backbone, generators))
    alone = registry_of((head.file, head.source) for head in packed)
    contents = Contents(
        name=name,
        version=request.version,
        description=request.description,
        licence=joint_licence(head.licence for head in packed),
        non_commercial=request.non_commercial,
        requires=f"distortion-heads>={'.'.join(version('distortion-heads').split('.')[:2])}",
        heads=tuple(packed),
        answers=answers_for(tuple(alone.heads), alone),
        profile=request.profile and profile_of_package(request.profile, packed, registry, backbone),
    )
    return Package(
        name=name,
        version=request.version,
        licence=contents.licence,
        heads=tuple(head.file for head in packed),
        files=package_files(contents),
    )


def _label(head: str) -> str:
    return Path(head).stem if head.endswith(SUFFIX) else head


def _checked_name(name: str | None, labels: Sequence[str]) -> str:
    """Return the name of the distribution, which also decides that of the module."""
    if name is None:
        if len(labels) != 1:
            raise DataError("several heads in one package need its name: give --name dheads-WHAT")
        name = "dheads-" + labels[0].replace("_", "-")
    if not _NAME.fullmatch(name) or name in _OURS:
        raise DataError(f"--name {name}: give a name like dheads-rain (dheads-, lower-case letters, digits, hyphens)")
    return name


def _check_version(text: str) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        raise DataError(f"--version {text}: give a version such as 0.1.0") from None


def _find(head: str, registry: Registry, name: str) -> Path:
    """Return the head's file; it must be the user's own, a file, or come with an earlier version of this package."""
    label = _label(head)
    for plugin in registry.plugins:
        if label in plugin.heads and plugin.owner.distribution not in (USER, name):
            raise LabelTakenError(
                f"label {label!r} is taken by {plugin.owner}: two packages with one label cannot be used together"
            )
    if head.endswith(SUFFIX):
        return Path(head)
    weights = registry.head(head).spec.weights
    if weights is None:
        raise DataError(f"head {label!r} has no weights yet: train it with `dheads add-head {label}`")
    return Path(str(weights))


def _packed(path: Path, request: PackRequest, backbone: BackboneRef, generators: Mapping[str, bytes]) -> PackedHead:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HeadFileError(f"{path}: cannot be read: {error.strerror}") from None
    head = parse_head(data, str(path))
    if head.label != _label(path.name):
        raise DataError(f"{path} holds the head {head.label!r}: rename it to {head.label}{SUFFIX}")
    check_backbone(head, backbone, str(path))
    _check_provenance(head)
    licence, pictures = head_licence(head, request.licence), picture_licences(head, request.picture_licences)
    check_may_pass_on(head.label, (licence, *pictures), non_commercial=request.non_commercial)
    stated = replace(head, license=licence, provenance=replace(head.provenance, image_licenses=pictures))
    return PackedHead(
        file=stated,
        source=path,
        data=data if (stated.license, stated.provenance) == (head.license, head.provenance) else dump_exactly(stated),
        licence=licence,
        generator=generators.get(head.label),
    )


def _check_provenance(head: HeadFile) -> None:
    origin = head.provenance
    known = origin.data.strip() and origin.command.strip() and _SHA256.fullmatch(origin.data_sha256)
    if not known or not origin.n_pos or not origin.n_neg:
        raise DataError(
            f"head {head.label!r} does not say what it was trained on: `dheads add-head` writes that, so train it again"
        )


def _generators(files: Sequence[Path], labels: Sequence[str]) -> dict[str, bytes]:
    """Return the source of each synthesizer by its label; it is parsed, never run."""
    import ast
    import keyword

    found = {}
    for file in files:
        if file.stem not in labels or keyword.iskeyword(file.stem):
            raise DataError(f"{file}: name it after its head ({', '.join(f'{label}.py' for label in labels)})")
        try:
            source = file.read_bytes()
            body = ast.parse(source).body
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{file} is no Python module: {error}") from None
        if not any(isinstance(part, ast.FunctionDef) and part.name == "synthesize" for part in body):
            raise DataError(f"{file} has no function synthesize(image, severity, rng)")
        found[file.stem] = source
    return found
