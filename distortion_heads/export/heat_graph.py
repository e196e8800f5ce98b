"""`heat.maps` as nodes: where in the picture each family lies, by the model of places or by the heads themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.cells import LOCAL_SIDES, OVERVIEW_SIDES
from distortion_heads.export.answers_graph import Answers, alike, calibrated, layers_of, members_of
from distortion_heads.export.features_graph import Cells, Units, units_of
from distortion_heads.export.light_graph import window_layouts
from distortion_heads.export.places_graph import place_maps
from distortion_heads.export.tensors import Tensor, beside, joined, where
from distortion_heads.heads.head import HeadFile
from distortion_heads.heat.maps import LEAST, LIKELY, MOST_LOGIT, family_view
from distortion_heads.heat.place_model import PlaceModel
from distortion_heads.heat.predictor import AFFECTED, EVEN, UPPER, WIDE
from distortion_heads.spec import FAMILY, FULL, LIGHT, View, is_coarse
from distortion_heads.views.units import CELL

FINE, ROUGH = "heat", "heat_rough"
"""The maps of families that are seen in windows, and of those that are judged from the whole picture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Hold what a graph knows of a picture: its `pixels`, the `small` one, the cells of either, and the features.

    `places`: the model of the backbone, if there is one and cells for it to read.
    """

    pixels: Tensor
    small: Tensor | None
    cells: Mapping[View, Cells]
    features: Mapping[View, Tensor]
    places: PlaceModel | None

    def cells_of(self, view: View) -> Cells:
        return self.cells["overview" if is_coarse(view) else "native"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Level:
    """Windows of one size: the logits or probabilities of heads by row, each float64 (rows, columns) of places.

    They are means over the windows that cover a place. `weight`: 0 where the windows are those of the level before.
    """

    values: Mapping[int, Tensor]
    weight: Tensor


def mapped_families(heads: Sequence[HeadFile], places: PlaceModel | None) -> dict[str, list[str]]:
    """Return the families that `heat` and `heat_rough` have maps of, in their order."""
    found: dict[str, list[str]] = {FINE: [], ROUGH: []}
    for family in members_of(heads):
        is_rough = is_coarse(family_view(heads, family)[0].view) and not _is_known(places, family)
        found[ROUGH if is_rough else FINE].append(family)
    return found


def _is_known(places: PlaceModel | None, family: str) -> bool:
    """Say whether the model of places draws the map of a family."""
    return places is not None and family in places.families and family not in WIDE


def heat_maps(scene: Scene, heads: Sequence[HeadFile], answers: Answers, families: Answers) -> dict[str, Tensor]:
    """Return the outputs of maps: values, the sides of a place in pixels, and from which value on it is affected.

    `answers` of the heads, and of the `families` in the order of `members_of`.
    """
    order = list(members_of(heads))
    found: dict[str, Tensor] = {}
    for name, members in mapped_families(heads, scene.places).items():
        known = [family for family in members if _is_known(scene.places, family)]
        others = [family for family in members if family not in known]
        drawn = []
        if scene.places is not None and known:
            said = families.take(_rows(order, known))
            drawn.append(place_maps(units_of(scene.cells["native"]), scene.places, known, said))
        if others:
            values = _head_maps(scene, heads, others, answers)
            level = _rough_level(values) if name == ROUGH else _level(values, families.take(_rows(order, others)))
            drawn.append((values, level))
        if drawn:
            places = _rows([*known, *others], members)
            values, level = (joined(list(parts), 0).take(places, 0) for parts in zip(*drawn, strict=True))
            outputs = {"": values, "_side": _side(scene, name), "_level": level}
            found |= {f"{name}{part}": tensor.cast(np.float32) for part, tensor in outputs.items()}
    return found


def _rows(order: Sequence[str], families: Sequence[str]) -> NDArray[np.int64]:
    return np.array([order.index(family) for family in families], np.int64)


def _head_maps(scene: Scene, heads: Sequence[HeadFile], families: Sequence[str], answers: Answers) -> Tensor:
    """float64 (n, rows, columns): the maps of n families by their heads."""
    levels: dict[View, list[_Level]] = {}
    maps = []
    for family in families:
        view = family_view(heads, family)[0].view
        if view not in levels:
            levels[view] = _levels(scene, view, heads)
        maps.append(_family_map(levels[view], view, heads, family, answers).with_axis(0))
    return joined(maps, 0)


def _levels(scene: Scene, view: View, heads: Sequence[HeadFile]) -> list[_Level]:
    units = units_of(scene.cells_of(view))
    rows, columns = units.sides
    least, levels, before = rows.minimum(columns), [], 0
    for side in OVERVIEW_SIDES if is_coarse(view) else LOCAL_SIDES:
        features = _window_features(scene, view, units, least.minimum(side), side)
        weight = (least > before).cast(np.float64)
        levels.append(_Level(values=_around(features, view, heads, units, least.minimum(side)), weight=weight))
        before = side
    return levels


def _window_features(scene: Scene, view: View, units: Units, size: Tensor, side: int) -> Tensor:
    own = units.window_features(size)
    if view == FULL:
        whole = scene.features[FULL].part(0, 0, 1)
        return beside(own, whole.part(1, units.cells.backbone.ref.dim, whole.length(1)))
    if view != LIGHT:
        return own
    assert scene.small is not None
    rows, columns = ((length - size) + 1 for length in units.sides)
    layouts = window_layouts(scene.small, rows, columns, side * CELL)
    dim, whole = units.cells.backbone.ref.dim, scene.features[LIGHT]
    tones = whole.part(1, dim, whole.length(1) - layouts.length(1))
    return joined([beside(own, tones), layouts], 1)


def _around(features: Tensor, view: View, heads: Sequence[HeadFile], units: Units, size: Tensor) -> dict[int, Tensor]:
    """By the row of each head: logits of rough maps, probabilities of others; see `MapMaker._around`."""
    found: dict[int, Tensor] = {}
    for members in alike(view, heads):  # as for the answers, so that the weights are stored once
        chosen = [heads[row] for row in members]
        logits = calibrated(layers_of(features, chosen).cast(np.float64), chosen).op("Clip", -MOST_LOGIT, MOST_LOGIT)
        around = units.around(logits if is_coarse(view) else logits.op("Sigmoid"), size)
        found |= {row: around.take(i, 0) for i, row in enumerate(members)}
    return found


def _family_map(
    levels: Sequence[_Level], view: View, heads: Sequence[HeadFile], family: str, answers: Answers
) -> Tensor:
    """float64 (rows, columns) in [0, 1]: see `MapMaker.values`."""
    members = [row for row, head in enumerate(heads) if head.family == family and head.view == view]
    own = [row for row in members if heads[row].scope == FAMILY]
    kinds = [row for row in members if row not in own]
    likely = None
    if len(kinds) > LIKELY:
        likely = answers.probability.take(np.array(kinds), 0).highest(LIKELY)
    sums, weights = [], []
    for level in levels:
        for group in filter(None, (own, kinds)):
            maps = joined([level.values[row].with_axis(0) for row in group], 0)
            if group is kinds and likely is not None:
                maps = maps.take(likely, 0)
            highest = maps.op("ReduceMax", axes=[0], keepdims=0)
            sums.append((highest if is_coarse(view) else highest.maximum(LEAST).op("Log")) * level.weight)
            weights.append(level.weight)
    mean = reduce(Tensor.__add__, sums) / reduce(Tensor.__add__, weights)
    return mean.op("Sigmoid" if is_coarse(view) else "Exp")


def _side(scene: Scene, name: str) -> Tensor:
    """Height and width of a place in pixels, float64 (2,)."""
    unit = units_of(scene.cells_of("overview" if name == ROUGH else "native")).joined.cast(np.float64) * float(CELL)
    if name != ROUGH:
        return joined([unit.reshape(1)] * 2, 0)
    assert scene.small is not None
    scales = [scene.pixels.length(i).cast(np.float64) / scene.small.length(i).cast(np.float64) for i in (0, 1)]
    return unit * joined([scale.reshape(1) for scale in scales], 0)


def _level(maps: Tensor, families: Answers) -> Tensor:
    high, threshold = maps.op("ReduceMax", axes=[1, 2], keepdims=0), families.threshold
    return where(families.present, threshold.minimum(high), threshold) * AFFECTED


def _rough_level(maps: Tensor) -> Tensor:
    ends = [maps.op(f"Reduce{end}", axes=[1, 2], keepdims=0).op("Clip", LEAST, 1 - LEAST) for end in ("Min", "Max")]
    low, high = ((end / (1.0 - end)).op("Log") for end in ends)
    middle = (low + (high - low) * UPPER).op("Sigmoid")
    return where((high - low) < EVEN, middle * 0.0, middle)
