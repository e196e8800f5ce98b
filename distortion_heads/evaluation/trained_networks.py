"""Trained networks as methods that `dheads evaluate` compares."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.evaluation.method import Judge, Method
from distortion_heads.evaluation.presets import PRESETS, Preset
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.backbones import named_backbone, read_ref
from distortion_heads.registry.build import Registry
from distortion_heads.spec import BackboneRef
from distortion_heads.training.networks.recipes import FINETUNE, RecordRecipe, recipe_for
from distortion_heads.training.runs.fit_records import fit_records
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob

FORMAT = "2"
"""Changes whenever the same records and seed give other networks."""


def finetune_method(name: str, **options: Any) -> Method:
    """Return the method `name`, one of `PRESETS`.

    `options`: `backbone` ("dheads_small", a torchvision model, a plugin's), `weights` ("imagenet", "none" or a file),
    `finetune` ("frozen", "last-block" or "all"), `corpus` (the kind of dataset, which decides the stride of the
    patches), `device`, `cache` (a `FeatureCache`), `registry` (which has the plugins' backbones; default: all that is
    installed), `frames` (of each video), and any field of `RecordRecipe` (`epochs`, `images_per_batch` ...).
    Raises `DataError` for an unknown name or option, `BackboneError` for a backbone whose file is damaged.
    """
    if name not in PRESETS:
        raise DataError(f"no method {name!r}: there are {', '.join(PRESETS)}")
    preset, corpus = PRESETS[name], options.get("corpus")
    own = ("backbone", "weights", "finetune", "corpus", "device", "cache", "registry", "frames")
    allowed = {*own, *(field.name for field in fields(RecordRecipe))} - {"name", "seed", "hidden"}
    if unknown := sorted(options.keys() - allowed):
        shown = sorted(allowed - {"corpus", "device", "cache", "registry", "frames"})
        raise DataError(f"method {name!r} has no option {unknown[0]!r}: there are {', '.join(shown)}")
    finetune: Any = options.get("finetune", preset.finetune)
    weights = options.get("weights", preset.weights)
    if finetune not in FINETUNE:
        raise DataError(f"method {name!r}: finetune={finetune} is none of {', '.join(FINETUNE)}")
    changes = {key: value for key, value in options.items() if key not in own}
    choice = NetworkChoice(
        backbone=str(options.get("backbone", preset.backbone_for(corpus))),
        weights=None if weights is None else str(weights),
        finetune=finetune,
        recipe=recipe_for(preset.recipe, corpus, **changes),
    )
    registry = options.get("registry") or load_registry()
    spec = named_backbone(choice.backbone, registry)
    return FinetuneMethod(
        name=name,
        choice=choice,
        changes=_changes(choice, preset, corpus),
        registry=registry,
        backbone=None if spec is None or choice.weights is not None else read_ref(spec),
        device=options.get("device", "cpu"),
        cache=options.get("cache"),
        frames=options.get("frames", FRAMES),
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneMethod:
    """Implements `Method`. Features of a frozen backbone are kept in `cache` (None: the user's).

    `backbone`: what training starts from, where `choice.backbone` is installed with weights of its own. `changes`: what
    is otherwise than in its paper or preset, for people to read.
    """

    name: str
    choice: NetworkChoice
    registry: Registry
    changes: str = ""
    backbone: BackboneRef | None = None
    device: str = "cpu"
    cache: Any = None
    frames: int = FRAMES

    @property
    def key(self) -> str:
        content = {**asdict(self.choice), "weights": _weights_key(self.choice.weights)}
        start = "" if self.backbone is None else self.backbone.fingerprint
        return f"{self.name} {FORMAT} {version('distortion-heads')} {start} {json.dumps(content, sort_keys=True)}"

    def fit(
        self, train: Sequence[Record], validation: Sequence[Record], labels: Sequence[str], *, seed: int, work: Path
    ) -> Judge:
        from distortion_heads.io.content_hashes import content_hashes
        from distortion_heads.training.features.cache import FeatureCache
        from distortion_heads.training.networks.processes import Processes

        choice = replace(self.choice, recipe=replace(self.choice.recipe, seed=seed))
        cache, backbones = FeatureCache(work / "cache"), work / "backbone"
        if choice.finetune == "frozen":  # the same in every repetition
            cache = self.cache or FeatureCache.default(os.environ)
            backbones = cache.folder / "backbones" / hashlib.sha256(self.key.encode()).hexdigest()[:16]
        site = TrainingJob(
            run=work,
            backbones=backbones,
            cache=cache,
            hashes=content_hashes([record.path for record in (*train, *validation)]),
            registry=self.registry,
            processes=Processes(device=self.device),
            frames=self.frames,
            command="dheads evaluate",
        )
        return fit_records(choice, site, train, validation, labels).judge()


def _changes(choice: NetworkChoice, preset: Preset, corpus: str | None) -> str:
    """Return what was given that is otherwise than the preset, as "random weights, side 112 (224)"."""
    paper, own = asdict(recipe_for(preset.recipe, corpus)), asdict(choice.recipe)
    found = ["random weights"] if choice.weights == "none" != preset.weights else []
    if choice.finetune != preset.finetune:
        found.append(f"trained: {choice.finetune} ({preset.finetune})")
    found += [f"{key} {own[key]} ({paper[key]})" for key in own if own[key] != paper[key]]
    return ", ".join(found)


def _weights_key(weights: str | None) -> str | None:
    """Return the digest of a file of weights, since its name says nothing."""
    if weights is None or weights in ("imagenet", "none"):
        return weights
    try:
        with Path(weights).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"weights={weights} cannot be read: {reason(error)}") from None
