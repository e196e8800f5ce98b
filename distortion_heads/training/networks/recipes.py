"""How networks are trained: on shards of distorted pictures, and on labelled datasets by named presets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from distortion_heads.backbones.with_torch.networks import Finetune, Tail
from distortion_heads.errors import DataError

Pooling: TypeAlias = Literal["mean", "majority"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]

FINETUNE: tuple[Finetune, ...] = get_args(Finetune)

AMEUR_CHANGES: Mapping[str, Mapping[str, object]] = {
    "csiq": {"stride": 160},
    "tid2013": {"stride": 150},
    "kadid10k": {"stride": 100},
    "livemd": {"stride": 350},
    "lvq": {"side": 288, "width": 512, "stride": 288, "tail": "flat", "images_per_batch": 10},
}
"""Changes that the paper makes per dataset. Stride in pixels of the 224 x 224 patches: K = 4, 4, 6 and 8 patches of a
picture of its size. Frames of LVQ are one patch each, whole; a batch is ten videos of ten frames."""


@dataclass(frozen=True, kw_only=True)
class RecordRecipe:
    """All that decides the result besides the data and the backbone.

    `side`, `stride`: patches in native pixels, squares if `width` is 0. `tail`: what becomes of the last feature maps
    (flattened, as they are or max-pooled 2 x 2, the mean of every channel, or also the deviation), or the means of the
    maps of every block ("mlsp"). `hidden`: widths of each head's hidden layers, followed by ReLU and `dropout`, one for
    all or one for each. `rate`: of the heads; the backbone learns at `backbone_rate`. `rate_decay`: the rate is divided
    by 1 + `rate_decay` * step. `random_patches`: so many anywhere in the picture, mirrored at random, where the
    backbone learns, of `crop` pixels a side (None: `side`); 0: the grid. `severity`: learn it where it is known.
    `calibrate`: fit probabilities and thresholds to the validation part; otherwise the threshold is 0.5. `patience`:
    epochs without improvement on the validation part before training stops; 0: never.
    """

    name: str
    side: int = 224
    stride: int = 150
    width: int = 0
    tail: Tail = "moments"
    hidden: tuple[int, ...] = (32,)
    dropout: float | tuple[float, ...] = 0.25
    rate: float = 1e-3
    backbone_rate: float = 1e-4
    rate_decay: float = 0.0
    weight_decay: float = 0.0
    epochs: int = 40
    images_per_batch: int = 16
    random_patches: int = 4
    crop: int | None = None
    severity: bool = True
    calibrate: bool = True
    patience: int = 6
    pooling: Pooling = "mean"
    precision: Precision = "auto"
    seed: int = 0

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Return the dropout after each hidden layer."""
        return self.dropout if isinstance(self.dropout, tuple) else (self.dropout,) * len(self.hidden)


# Their optimiser is Keras's Adam, whose `decay` divides the rate by 1 + decay * step.
AMEUR = RecordRecipe(
    name="ameur",
    tail="maxpool",
    hidden=(512, 512),
    rate=1e-4,
    backbone_rate=1e-4,
    rate_decay=1e-6,
    epochs=60,
    images_per_batch=6,
    random_patches=0,
    severity=False,
    calibrate=False,
    patience=0,
)
DHEADS = RecordRecipe(name="dheads", weight_decay=1e-2)
KANG = RecordRecipe(name="kang", side=32, stride=32, tail="flat", hidden=(), dropout=0.0, random_patches=0)
MEON = RecordRecipe(
    name="meon",
    side=256,
    stride=128,
    tail="mean",
    hidden=(),
    dropout=0.0,
    rate=1e-2,
    backbone_rate=1e-4,
    images_per_batch=40,
    random_patches=1,
    severity=False,
    calibrate=False,
    patience=3,
    pooling="majority",
    precision="float32",
)
"""Ma et al. 2018: types at `rate`, which falls where the loss stalls, then types and quality at `backbone_rate`."""

DEEPFL = RecordRecipe(
    name="deepfl",
    tail="mean",
    hidden=(512, 256),
    dropout=(0.25, 0.5),
    rate=1e-4,
    backbone_rate=1e-4,
    epochs=10,
    images_per_batch=64,
    random_patches=1,
    severity=False,
    calibrate=False,
    patience=10,
)
RECIPES = {recipe.name: recipe for recipe in (DHEADS, AMEUR, KANG, MEON, DEEPFL)}

SHALLOW_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Rates of the shallow regression of DeepFL-IQA, which takes the best on the validation part."""


def shallow(recipe: RecordRecipe) -> RecordRecipe:
    """Return how DeepFL-IQA learns ratings, once its network has learnt scores: from the means of every block."""
    epochs = 30 if recipe.epochs == DEEPFL.epochs else recipe.epochs
    widths = {"hidden": (2048, 1024, 256), "dropout": (0.25, 0.25, 0.5)}
    return replace(recipe, tail="mlsp", epochs=epochs, patience=epochs, **widths)  # type: ignore[arg-type]


def recipe_for(name: str, corpus: str | None = None, **changes: object) -> RecordRecipe:
    """The preset `name`, as the paper has it for that kind of dataset, and `changes` (None: as it is).

    Raises `DataError` for an unknown preset or field, or a value that cannot be.
    """
    if name not in RECIPES:
        raise DataError(f"no recipe {name!r}: there are {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    given = {key: value for key, value in changes.items() if value is not None}
    recipe = as_in_paper(recipe, corpus, frozenset(given))
    for key, value in given.items():
        if not _may_be(key, value):
            raise DataError(f"recipe {name!r}: {key}={value} cannot be{_hint(key)}")
    try:
        return replace(recipe, **given)  # type: ignore[arg-type]
    except TypeError as error:
        raise DataError(f"recipe {name!r}: {error}") from None


def as_in_paper(recipe: RecordRecipe, corpus: str | None, given: frozenset[str] = frozenset()) -> RecordRecipe:
    """Return the recipe `ameur` as the paper has it for that kind of dataset, but for the fields in `given`."""
    if recipe.name != "ameur" or corpus is None:
        return recipe
    own = {key: value for key, value in AMEUR_CHANGES.get(corpus, {}).items() if key not in given}
    return replace(recipe, **own)  # type: ignore[arg-type]


_LEAST = {"side": 32, "crop": 32, "stride": 1, "epochs": 1, "images_per_batch": 1}
_LEAST |= dict.fromkeys(("width", "random_patches", "patience", "seed"), 0)
_CHOICES: dict[str, tuple[object, ...]] = {
    "tail": get_args(Tail),
    "pooling": get_args(Pooling),
    "precision": get_args(Precision),
    "severity": (False, True),
    "calibrate": (False, True),
}
_REAL = ("dropout", "rate", "backbone_rate", "rate_decay", "weight_decay")


def _may_be(key: str, value: object) -> bool:
    if key in _CHOICES:
        return any(value is choice or (isinstance(value, str) and value == choice) for choice in _CHOICES[key])
    if key in _LEAST:
        return type(value) is int and value >= _LEAST[key]
    if key in _REAL:
        below = 1.0 if key == "dropout" else math.inf
        return type(value) in (int, float) and 0 <= value < below  # type: ignore[operator]
    return True


def _hint(key: str) -> str:
    if key in _CHOICES:
        return f": one of {', '.join(str(choice).lower() for choice in _CHOICES[key])}"
    if key in _LEAST:
        return f": a whole number of at least {_LEAST[key]}"
    return ": a number of at least 0" + (" and below 1" if key == "dropout" else "")


HARD = ("gaussian_blur", "lens_blur", "motion_blur", "smoke", "uneven_illumination")
"""Drawn more often: those of the first release that are told apart last."""


@dataclass(frozen=True, kw_only=True)
class ShardRecipe:
    """All that decides the result. A step sees `native` + `overview` samples, cut from shards that are made once.

    Where there are heads of families, a shard has `shard_mixed` pictures with mixtures as they reach us (`ShardPlan`).
    The learning rate warms up linearly, then follows half a cosine; the heads' is `head_rate` times that.
    """

    steps: int = 8_000
    distinct_shards: int = 220
    shard_native: int = 384
    shard_overview: int = 480
    shard_mixed: int = 96
    native: int = 48
    overview: int = 36
    emphasis: tuple[str, ...] = HARD
    learning_rate: float = 1.5e-3
    head_rate: float = 0.2
    weight_decay: float = 0.02
    warmup: int = 200
    hidden: int = 32
    seed: int = 0


def learning_rate(step: int, recipe: ShardRecipe) -> float:
    """Linear warm-up, then half a cosine to a hundredth."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
