"""The trained networks that `dheads evaluate` knows by name; read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distortion_heads.datasets.published.lvq import KIND as LVQ


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A recipe by name, and what it starts from; each is an option that the user can change.

    `finetune`: "frozen", "last-block" or "all". `weights`: None, the backbone's own. `backbones`: another one for some
    kinds of dataset.
    """

    recipe: str
    backbone: str
    finetune: str = "frozen"
    weights: str | None = None
    backbones: Mapping[str, str] | None = None

    def backbone_for(self, corpus: str | None) -> str:
        """Return the backbone for that kind of dataset."""
        return (self.backbones or {}).get(corpus or "", self.backbone)


PRESETS: Mapping[str, Preset] = {
    "ameur": Preset(recipe="ameur", backbone="densenet169", backbones={LVQ: "vgg16"}),
    "finetune-last-block": Preset(recipe="dheads", backbone="dheads_small", finetune="last-block"),
    "finetune-all": Preset(recipe="dheads", backbone="dheads_small", finetune="all"),
    "cnn-kang": Preset(recipe="kang", backbone="iqa_cnn", finetune="all", weights="none"),
    "meon": Preset(recipe="meon", backbone="meon", finetune="all"),
}
