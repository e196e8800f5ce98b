"""A `Predictor` whose predictions say where, too.

from distortion_heads import HeatPredictor
prediction = HeatPredictor().predict("photo.jpg")
prediction.heat("blur").areas
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.answers import HeatMap, Prediction
from distortion_heads.backbones.local import LocalFeatures
from distortion_heads.backbones.read_views import Features, assembled, views_to_run
from distortion_heads.errors import BackboneError, DheadsError, UnknownHeadError
from distortion_heads.heat.areas import find_areas
from distortion_heads.heat.maps import LEAST, MapMaker, family_view, full_places, light_places
from distortion_heads.heat.place_model import bundled_places, raised, upper_end
from distortion_heads.io.small_files import check_padded
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.profiles import OWN
from distortion_heads.spec import FAMILY, FULL, LIGHT, TEMPORAL, View, is_coarse
from distortion_heads.views.scene import Scene
from distortion_heads.views.windows import overview_view

if TYPE_CHECKING:
    from distortion_heads.backbones.base import FeatureSource
    from distortion_heads.heads.head import HeadFile
    from distortion_heads.io.images import ImageSource
    from distortion_heads.io.rgb import Loaded

MOST_SIDE = 1280
"""Longer side in pixels of the picture that is kept for drawing."""

LOCATED, FAINT, CLEAR = 0.5, 0.1, 0.5
"""Share of the upper end of a map by the model of places from which a place is affected, and the least such value; and
the mean of a part from which a family is in it, if a profile's threshold is not higher. By the overlap, and by clean
pictures, of training scenes that the model had not seen."""

WIDE = frozenset({"exposure", "light"})
"""Families that are seen in the whole picture better than in its places."""

AFFECTED = 0.6
"""Share of a head's threshold from which a place is affected: the best overlap on training scenes, a part distorted."""

UPPER, EVEN = 0.7, 2.0
"""The place between the lowest and the highest logit of a map where affected ones begin, by the same measure, and the
difference below which all places are alike: of heads that read the whole picture."""

PART, SURE, HINT = 0.05, 1.2, 0.5
"""A family that is not present in the whole picture is in a part of it if that is at least this share of it, and its
mean this many thresholds; it is looked for where one window has this many."""


class LocatedFeatures(dict[View, NDArray[np.float32]]):
    """The features of a scene by view, and `local` ones all over it; `small`: the overview's picture."""

    def __init__(self, features: Features, local: Mapping[View, LocalFeatures], small: NDArray[np.uint8] | None):
        super().__init__(features)
        self.local, self.small = local, small


class HeatPredictor(Predictor):
    """Like `Predictor`, but its predictions have `places`, so that `Prediction.heat` answers; for single pictures.

    The answers are the same, bit for bit, and the maps come from the same pass. It takes what `Predictor` takes, and
    raises `BackboneError` for a backbone that reads patches. Frames of videos, and pictures of which only some windows
    are read, have no places.
    """

    def __init__(self, heads: Sequence[str] | None = None, **options: Any) -> None:
        super().__init__(heads, **options)
        if not hasattr(self._backbone, "located_features"):
            raise BackboneError(f"the backbone {self._backbone.ref} reads patches: it gives no heat maps")
        self._makers: dict[str, MapMaker] = {}
        self.places = bundled_places(self._backbone.ref)
        own = [head for head in self.heads if head.scope == FAMILY and head.threshold.objective.startswith(OWN)]
        self._own_thresholds = {head.family: head.threshold.value for head in own}

    def map_maker(self, name: str) -> MapMaker:
        """Return what makes the maps of a family or head. Raises `UnknownHeadError`, or `DheadsError` for temporal."""
        if name not in self._makers:
            everyone = self.video_heads
            of_family = any(head.family == name for head in everyone)
            heads = family_view(everyone, name) if of_family else tuple(h for h in everyone if h.label == name)
            _check(name, heads, everyone)
            self._makers[name] = MapMaker(heads)
        return self._makers[name]

    def clear_from(self, family: str) -> float:
        """Return from which mean of the model of places on a family is in a part of a picture."""
        return max(CLEAR, self._own_thresholds.get(family, 0.0))

    def _features(
        self,
        scene: Scene,
        max_windows: int | None,
        backbone: FeatureSource | None = None,
        frame_index: int = 0,
    ) -> Features:
        if max_windows is not None:
            return super()._features(scene, max_windows, backbone, frame_index)
        check_padded(scene.pixels.shape[1], scene.pixels.shape[0], self._max_pixels)
        source: Any = backbone or self._backbone
        wanted = views_to_run(self._views)
        small = overview_view(scene.pixels).image if "overview" in wanted else None
        run, local = {}, {}
        for view in wanted:
            pixels = scene.pixels if view != "overview" or small is None else small
            run[view], local[view] = source.located_features(pixels, view, inside=scene.mask)
        return LocatedFeatures(assembled(scene, run, self._views, small), local, small)

    def _batch_features(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Features]:
        return [self._features(Scene(pixels=pixels), None) for pixels in pictures]

    def _assemble(
        self, image: ImageSource, loaded: Loaded, scene: Scene, features: Features, *rest: Any, **more: Any
    ) -> Prediction:
        prediction = super()._assemble(image, loaded, scene, features, *rest, **more)
        located = features if isinstance(features, LocatedFeatures) else None
        if located is None and prediction.judged:
            return prediction
        places = PicturePlaces(_reduced(loaded.pixels), prediction, scene, located, self)
        return replace(prediction, places=places)


class PicturePlaces:
    """Implements `Places`: maps are made when they are asked for, once."""

    def __init__(
        self,
        picture: NDArray[np.uint8],
        prediction: Prediction,
        scene: Scene,
        located: LocatedFeatures | None,
        predictor: HeatPredictor,
    ) -> None:
        self.picture = picture
        self._answers = {head.label: head for head in prediction.heads} | {f.family: f for f in prediction.families}
        self._probability = {head.label: head.probability for head in prediction.heads}
        self._families = tuple(family.family for family in prediction.families)
        self._located, self._predictor, self._mask = located, predictor, scene.mask
        self._shape = scene.pixels.shape[:2]
        self._corner = (0, 0) if scene.area is None else (scene.area.left, scene.area.top)
        self._known: dict[str, HeatMap] = {}

    def heat(self, name: str) -> HeatMap:
        """Return the map of a family or head. Raises `UnknownHeadError`, or `DheadsError` where it has none."""
        if name not in self._known:
            self._known[name] = self._make(name)
        return self._known[name]

    def found(self) -> tuple[str, ...]:
        """Return the families that are present, and those that are found in a part of the picture only."""
        return tuple(name for name in self._families if self._answers[name].present or self._in_part(name))

    def _in_part(self, family: str) -> bool:
        maker, threshold = self._predictor.map_maker(family), self._answers[family].threshold
        if self._located is None:
            return False
        if family in self._by_model:
            sure = self._predictor.clear_from(family)
            return bool(self._by_model[family].max() >= sure) and self._has_part(family, sure)
        if is_coarse(maker.view) or maker.highest(self._located[maker.view]) < HINT * threshold:
            return False
        return self._has_part(family, min(SURE * threshold, (1 + threshold) / 2))

    def _has_part(self, family: str, sure: float) -> bool:
        least = PART * self._shape[0] * self._shape[1]
        return any(area.width * area.height >= least and area.probability >= sure for area in self.heat(family).areas)

    def _make(self, name: str) -> HeatMap:
        maker = self._predictor.map_maker(name)
        if self._located is not None and name not in self._answers:
            raise DheadsError(f"{name} has no answer for this picture, hence no heat map")
        if self._located is None:
            raise DheadsError("there is no heat map of a picture that was not judged")
        coarse = is_coarse(maker.view) and name not in self._by_model
        values = self._by_model.get(name)
        local, unit = self._local(maker.view if coarse or values is None else "native", self._located)
        if values is None:
            values = maker.values(local, self._probability)
        elif self._answers[name].present:
            values = raised(values, self._answers[name].probability)
        values = self._inside(values, unit)
        left, top = self._corner
        height, width = self._shape
        box = (left, top, left + local.columns * unit[0], top + local.rows * unit[1])
        level = self._level(name, values, coarse)
        row, column = divmod(int(values.argmax()), values.shape[1])
        worst = (left + (column + 0.5) * unit[0], top + (row + 0.5) * unit[1])
        return HeatMap(
            name=name,
            values=values,
            box=box,
            level=level,
            areas=find_areas(values, box, level, (left, top, left + width, top + height)),
            worst=(int(min(worst[0], left + width - 1)), int(min(worst[1], top + height - 1))),
            coarse=coarse,
        )

    @cached_property
    def _by_model(self) -> dict[str, NDArray[np.float32]]:
        """The maps of the families that the model of places knows."""
        local = None if self._located is None else self._located.local.get("native")
        model = self._predictor.places
        if model is None or local is None:
            return {}
        return {name: values for name, values in model.values(local).items() if name not in WIDE}

    def _level(self, name: str, values: NDArray[np.float32], coarse: bool) -> float:
        """From which value of a map on a place is affected."""
        if name in self._by_model:
            return max(FAINT, LOCATED * upper_end(values))
        answer, low, high = self._answers[name], float(values.min()), float(values.max())
        if not coarse:
            return AFFECTED * (min(answer.threshold, high) if answer.present else answer.threshold)
        low, high = (float(np.log(p / (1 - p))) for p in np.clip((low, high), LEAST, 1 - LEAST))
        return 0.0 if high - low < EVEN else float(1 / (1 + np.exp(-(low + UPPER * (high - low)))))

    def _local(self, view: View, located: LocatedFeatures) -> tuple[LocalFeatures, tuple[float, float]]:
        """The local features of a view, and the sides of their unit in pixels of the picture, across and down."""
        if not is_coarse(view):
            local = located.local["native"]
            if view == FULL:
                local = full_places(local, located[FULL][0, local.levels[0].features.shape[1] :])
            return local, (local.unit, local.unit)
        local, small = located.local["overview"], located.small
        assert small is not None
        unit = (local.unit * self._shape[1] / small.shape[1], local.unit * self._shape[0] / small.shape[0])
        if view == LIGHT:
            local = light_places(local, small, located[LIGHT], local.levels[0].features.shape[1])
        return local, unit

    def _inside(self, values: NDArray[np.float32], unit: tuple[float, float]) -> NDArray[np.float32]:
        """Set to 0 what is mostly no part of the scene, or lies beyond its edge."""
        if self._mask is None:
            return values
        rows, columns = values.shape
        places = np.zeros((round(rows * unit[1]), round(columns * unit[0])), np.uint8)
        places[: self._mask.shape[0], : self._mask.shape[1]] = 255 * self._mask
        share = np.asarray(Image.fromarray(places).resize((columns, rows), Image.Resampling.BOX))
        return np.where(share >= 128, values, np.float32(0))


def _check(name: str, heads: Sequence[HeadFile], everyone: Sequence[HeadFile]) -> None:
    if not heads:
        names = sorted({word for head in everyone for word in (head.label, head.family)})
        raise UnknownHeadError(f"no head or family is called {name!r} (there are: {', '.join(names)})")
    if heads[0].view == TEMPORAL:
        raise DheadsError(f"{name} reads successive frames: it has no place in a single one")


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture with a longer side of at most `MOST_SIDE`; a smaller one as it is."""
    height, width = pixels.shape[:2]
    if max(height, width) <= MOST_SIDE:
        return pixels
    picture = Image.fromarray(pixels)
    picture.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    return np.asarray(picture)
