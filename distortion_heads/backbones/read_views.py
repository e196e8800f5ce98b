"""Features of every view of a picture, from whichever backbone there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.spec import FULL, LIGHT, View
from distortion_heads.views.light import with_light
from distortion_heads.views.scene import Scene, scene_of
from distortion_heads.views.traces import traces
from distortion_heads.views.windows import overview_view

Features: TypeAlias = Mapping[View, NDArray[np.float32]]


_RUN: Mapping[View, tuple[View, ...]] = {LIGHT: ("overview",), FULL: ("native", "overview")}


def view_features(backbone: FeatureSource, pixels: NDArray[np.uint8], view: View) -> NDArray[np.float32]:
    """Return features of uint8 (H, W, 3) in one view: float32 (K, `width_of(view)`), K windows; an overview is one.

    Of its scene, as in every answer.
    """
    return scene_features(backbone, scene_of(pixels), (view,))[view]


def scene_features(
    backbone: FeatureSource,
    scene: Scene,
    views: Sequence[View],
    *,
    max_windows: int | None = None,
    frame_index: int = 0,
) -> Features:
    """Return the features of `views` of a scene: what `Predictor` reads and what heads are trained on."""
    small = overview_view(scene.pixels).image if LIGHT in views or FULL in views else None
    shared = small if small is not None and backbone.shares_overview else scene.pixels
    asked: dict[str, Any] = {} if max_windows is None else {"max_windows": max_windows, "frame_index": frame_index}
    if scene.mask is not None:
        asked["inside"] = scene.mask
    run = {
        view: backbone.features(shared if view == "overview" else scene.pixels, view, **asked)
        for view in views_to_run(views)
    }
    return assembled(scene, run, views, small)


def batch_features(
    backbone: FeatureSource, pictures: Sequence[NDArray[np.uint8]], views: Sequence[View]
) -> list[Features]:
    """Return the features of `views` of several pictures of one size, each of which is a scene as a whole."""
    wanted = views_to_run(views)
    small = []
    if "overview" in wanted and backbone.shares_overview:
        small = [overview_view(pixels).image for pixels in pictures]
    run = {
        view: backbone.batch_features(small or pictures if view == "overview" else pictures, view) for view in wanted
    }
    return [
        assembled(Scene(pixels=pixels), {view: features[i] for view, features in run.items()}, views, *small[i : i + 1])
        for i, pixels in enumerate(pictures)
    ]


def views_to_run(views: Sequence[View]) -> tuple[View, ...]:
    """The views that the backbone runs on, for heads that read `views`."""
    return tuple(dict.fromkeys(run for view in views for run in _RUN.get(view, (view,))))


def assembled(scene: Scene, run: Features, views: Sequence[View], small: NDArray[np.uint8] | None = None) -> Features:
    """Return the features of `views`, in their order, from those that the backbone gave. `small`: see `with_light`."""
    found = dict(run)
    if LIGHT in views or FULL in views:
        found[LIGHT] = with_light(run["overview"], scene.pixels, small, scene.mask)
    if FULL in views:
        picture = np.concatenate([found[LIGHT][0], traces(scene.pixels, scene.mask)])
        found[FULL] = beside(run["native"], picture)
    return {view: found[view] for view in views}


def beside(windows: NDArray[np.float32], picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each of `windows` (K, n), followed by what is known of the whole `picture` (m,): (K, n + m)."""
    return np.concatenate([windows, np.broadcast_to(picture, (len(windows), len(picture)))], axis=1)
