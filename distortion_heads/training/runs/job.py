"""The choices and surroundings of one training on labelled records."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from distortion_heads.backbones.with_torch.networks import Finetune
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.registry.build import Registry
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.heads.train_head import UNSPECIFIED
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """Which network, and how it is trained. `weights`: see `open_trainable`."""

    backbone: str
    weights: str | None = None
    finetune: Finetune = "frozen"
    recipe: RecordRecipe = field(default_factory=lambda: RecordRecipe(name="dheads"))


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Where training happens. The checkpoint lies in `run`, the backbone is written to `backbones`.

    `hashes`: SHA-256 of every record's file. `frames`: of each video. `command`, `data`: for the heads' provenance.
    `mos_lower_better`: see `Corpus`.
    """

    run: Path
    backbones: Path
    cache: FeatureCache
    hashes: dict[Path, str]
    registry: Registry
    processes: Processes = field(default_factory=Processes)
    report: Callable[[Progress], None] = lambda progress: None
    frames: int = FRAMES
    head_license: str = UNSPECIFIED
    command: str = "dheads train"
    data: str = "a labelled dataset"
    mos_lower_better: bool = False


def versions() -> dict[str, str]:
    packages = ("distortion-heads", "numpy", "onnxruntime", "scipy", "pillow", "torch", "torchvision")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
