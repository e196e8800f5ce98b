"""From the text of `--method` to a method: a name and options, as in `ameur,backbone=resnet50,epochs=2`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.classical import NUMBERS, ClassicalMethod
from distortion_heads.evaluation.heads_on_features import FrozenMethod, ShippedMethod
from distortion_heads.evaluation.method import Judge, Method
from distortion_heads.evaluation.presets import PRESETS
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.backbones import find_backbone
from distortion_heads.registry.build import Registry
from distortion_heads.spec import VIEWS, BackboneSpec
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.records import RecordFeatures


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The things that methods are made of. `corpus`: the kind of dataset; `hashes`: SHA-256 of its files."""

    registry: Registry
    corpus: str
    hashes: Mapping[Path, str]
    cache: FeatureCache | None
    frames: int = FRAMES
    device: str = "cpu"


def make_method(text: str, around: Surroundings) -> Method:
    """Return the method that `text` describes, called what its option `as` says, else `text`.

    Raises `DataError` for an unknown name or option, `BackboneError` or `HeadFileError` for a file.
    """
    name, options = parse_method(text)
    text = str(options.pop("as", text))
    if name not in METHODS:
        raise DataError(f"no method {name!r}: there are {', '.join(METHODS)}")
    return METHODS[name](text, name, options, around)


def parse_method(text: str) -> tuple[str, dict[str, Any]]:
    """Read `name,option=value,...`: the name and its options, numbers where they look like numbers, else text.

    Raises `DataError` if it is not of that form.
    """
    name, *words = (word.strip() for word in text.split(","))
    options = {}
    for word in words:
        option, equals, value = word.partition("=")
        if not (option and equals and value):
            raise DataError(f"--method {text}: {word!r} is no option=value, as in ameur,backbone=resnet50,epochs=2")
        options[option] = _value(value)
    return name, options


def _frozen(text: str, name: str, options: Mapping[str, Any], around: Surroundings) -> Method:
    backbone = open_backbone(_backbone(text, name, options, around), device=around.device, threads=1)
    views = {label: head.spec.view for label, head in around.registry.heads.items() if head.spec.view in VIEWS}
    return FrozenMethod(name=text, features=_features(backbone, around), views=views)


def _shipped(text: str, name: str, options: Mapping[str, Any], around: Surroundings) -> Method:
    spec = _backbone(text, name, options, around)
    predictor = Predictor(registry=around.registry, backbone=spec, device=around.device, threads=1)
    heads = {head.label: head for head in predictor.heads}
    return ShippedMethod(name=text, features=_features(predictor.backbone, around), heads=heads)


def _backbone(text: str, name: str, options: Mapping[str, Any], around: Surroundings) -> BackboneSpec:
    if unknown := sorted(options.keys() - {"backbone"}):
        raise DataError(f"--method {text}: {name!r} has no option {unknown[0]!r}, only backbone")
    return find_backbone(str(options["backbone"]), around.registry) if "backbone" in options else bundled_backbone()


def _features(backbone: FeatureSource, around: Surroundings) -> RecordFeatures:
    return RecordFeatures(backbone=backbone, hashes=around.hashes, cache=around.cache, frames=around.frames)


def _classical(text: str, name: str, options: Mapping[str, Any], around: Surroundings) -> Method:
    if options:
        raise DataError(f"--method {text}: {name!r} has no options, only as")
    return ClassicalMethod(name=text, kind=name, frames=around.frames, hashes=around.hashes, cache=around.cache)


def _trained(text: str, name: str, options: Mapping[str, Any], around: Surroundings) -> Method:
    from distortion_heads.evaluation.trained_networks import finetune_method

    given = {name: getattr(around, name) for name in ("corpus", "device", "cache", "registry", "frames")}
    if taken := sorted(options.keys() & given.keys()):
        raise DataError(f"--method {text}: {taken[0]!r} is no option of a method")
    return _Renamed(text, finetune_method(name, **given, **options))


@dataclass(frozen=True)
class _Renamed:
    """`method` under the name that the user gave it. Implements `Method`."""

    name: str
    method: Method

    @property
    def key(self) -> str:
        return self.method.key

    @property
    def backbone(self) -> str | None:
        found = getattr(self.method, "backbone", None)
        return None if found is None else str(found)

    @property
    def changes(self) -> str:
        return str(getattr(self.method, "changes", ""))

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        return self.method.fit(train, validation, labels, seed=seed, work=work)


METHODS: Mapping[str, Callable[[str, str, Mapping[str, Any], Surroundings], Method]] = {
    "frozen": _frozen,
    "shipped": _shipped,
    **dict.fromkeys(NUMBERS, _classical),
    **dict.fromkeys(PRESETS, _trained),
}
"""The makers of methods: of the name that it is shown by, its name here, its options and the surroundings."""


def _value(text: str) -> int | float | bool | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
