"""The tables of Ameur et al. 2022 as methods, labels and training shares of `dheads evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.datasets.published.lvq import KIND as LVQ
from distortion_heads.errors import DataError

OF_MIXTURES = ("brisque-svm", "iqmg", "cnn-kang", "ameur", "frozen")
COMPARATORS = (*OF_MIXTURES, "meon")
"""Methods for pictures with several distortions, and all, of which MEON names one distortion a picture."""

BACKBONES = ("vgg16", "vgg19", "resnet50", "densenet169")
IMAGE_SETS = ("kadid10k", "csiq", "tid2013", "livemd")
PAPER_LABELS = ("gaussian_blur", "jpeg", "white_noise")
"""Those of the four sets of pictures; of LVQ all are evaluated."""

SHARES = (0.2, 0.4, 0.6, 0.8)
FULL = (0.8,)


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """One table: methods with their options, and training shares."""

    title: str
    methods: tuple[str, ...]
    shares: tuple[float, ...] = FULL


TABLES: Mapping[str, PaperTable] = {
    "2": PaperTable(title="Tables 2 to 7: the comparators on the sets of pictures", methods=COMPARATORS),
    "8": PaperTable(
        title="Table 8: the four backbones",
        methods=tuple(f"ameur,backbone={name},as={name}" for name in BACKBONES),
    ),
    "9": PaperTable(title="Table 9: training shares", methods=("ameur",), shares=SHARES),
    "10": PaperTable(title="Tables 10 to 12: LVQ", methods=OF_MIXTURES),
}


def methods_of(table: str, corpus: str, weights: Sequence[str], changes: str = "") -> tuple[str, ...]:
    """Return the methods of one of `TABLES` on that kind of dataset; those of the paper start from `weights`.

    `weights`: nothing (torchvision downloads ImageNet's), "none" (random), or a file for each backbone, in whose name
    the backbone's is, as torchvision calls them. `changes`: more options of those of the paper, as in
    "epochs=10,side=112". Raises `DataError` if a file is missing.
    """
    default, more = "vgg16" if corpus == LVQ else "densenet169", f",{changes}" if changes else ""
    return tuple(
        f"{method}{_weights(_backbone(method, default), weights)}{more}" if method.startswith("ameur") else method
        for method in TABLES[table].methods
    )


def labels_of(corpus: str) -> tuple[str, ...] | None:
    """Return the labels that the paper evaluates on that kind of dataset; None: all."""
    return PAPER_LABELS if corpus in IMAGE_SETS else None


def _backbone(method: str, default: str) -> str:
    options = dict(word.split("=", 1) for word in method.split(",")[1:])
    return options.get("backbone", default)


def _weights(backbone: str, weights: Sequence[str]) -> str:
    if not weights:
        return ""
    if list(weights) == ["none"]:
        return ",weights=none"
    found = next((file for file in weights if Path(file).name.lower().startswith(backbone)), None)
    if found is None:
        names = ", ".join(Path(file).name for file in weights)
        raise DataError(f"no --weights for {backbone} among {names}: the file's name must begin with {backbone}")
    if "," in found:
        raise DataError(f"--weights {found}: a file with a comma in its path cannot be an option: rename it")
    return f",weights={found}"
