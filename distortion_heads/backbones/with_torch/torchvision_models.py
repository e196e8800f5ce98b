"""torchvision's classifiers as backbones. The one module that imports torchvision, and only when asked."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distortion_heads.errors import DataError
from distortion_heads.spec import PatchInput

if TYPE_CHECKING:
    from torch import Tensor, nn

PAPER = ("densenet169", "densenet121", "vgg16", "vgg19", "resnet50", "mobilenet_v3_large", "efficientnet_b0")
"""Those that are tested here; others of torchvision work if they have one stack of convolutions."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_RESNET = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
_REGNET = ("stem", "trunk_output")
_LEGACY_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


@dataclass(frozen=True, kw_only=True, eq=False)
class Torso:
    """`module`: pixels as `patches` wants them -> the last feature maps, (B, 3, side, side) -> (B, C, h, w)."""

    module: nn.Module
    patches: PatchInput


def torchvision_torso(name: str, *, imagenet: bool) -> Torso:
    """The convolutions of a torchvision classifier, with ImageNet's weights or random ones (torch's global seed).

    With `imagenet`, torchvision downloads its default weights for that model unless they are in torch's cache.
    Raises `DataError` for an unknown model, one that is no stack of convolutions, or a failed download.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        import difflib

        close = difflib.get_close_matches(name, [*PAPER, *known], n=3)
        raise DataError(f"no backbone {name!r}: {f'did you mean {close[0]}? ' if close else ''}try {', '.join(PAPER)}")
    weights: Any = models.get_model_weights(name).DEFAULT if imagenet else None
    patches = PatchInput(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    if weights is not None:
        transforms = weights.transforms()
        patches = PatchInput(mean=tuple(transforms.mean), std=tuple(transforms.std))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a download is announced, which is no result
            model = models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a damaged download fails its checksum
        raise DataError(
            f"the ImageNet weights of {name} cannot be downloaded ({_first_line(error)}): fetch {weights.url} elsewhere"
            " and give --weights FILE.pth, or use --weights none"
        ) from None
    return Torso(module=_convolutions(model, name), patches=patches)


def torso_tensors(state: dict[str, Tensor], module: nn.Module, source: str) -> dict[str, Tensor]:
    """The entries of a classifier's state dictionary, or of a torso's own, under the names of `module`.

    The classifier's are dropped. Raises `DataError` if any is missing or misshapen.
    """
    wanted = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    state = {_LEGACY_DENSENET.sub(r"\1\2", key): value for key, value in state.items()}
    for prefix in ("", "torso.", "features."):
        if all(prefix + key in state for key in wanted):
            break
    else:
        missing = next(key for key in wanted if key not in state and f"features.{key}" not in state)
        raise DataError(f"{source} has not the weights of this backbone: it lacks {missing!r}, for one")
    found = {key: state[prefix + key] for key in wanted}
    for key, value in wanted.items():
        if found[key].shape != value.shape:
            raise DataError(f"{source}: {key} is {tuple(found[key].shape)}, not {tuple(value.shape)}")
    return found


def _convolutions(model: Any, name: str) -> nn.Module:
    from torch import nn

    if name.startswith("densenet"):  # torchvision applies the last ReLU outside
        return nn.Sequential(OrderedDict([*model.features.named_children(), ("relu5", nn.ReLU())]))
    for parts in (_RESNET, _REGNET):
        if all(hasattr(model, part) for part in parts):
            return nn.Sequential(OrderedDict((part, getattr(model, part)) for part in parts))
    if isinstance(features := getattr(model, "features", None), nn.Sequential) and not name.startswith("swin"):
        return features
    raise DataError(f"backbone {name!r} is no plain stack of convolutions: try {', '.join(PAPER)}")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
