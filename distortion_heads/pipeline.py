"""The way of the data: image -> windows -> features -> head outputs -> prediction. Only this module knows the order."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.threads import in_order, usable_cores
from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.familiarity import NOTE, bundled_familiarity
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.backbones.read_views import Features, batch_features, scene_features
from distortion_heads.heads.all_banks import completed, judge_all, no_evidence
from distortion_heads.heads.families import decided, families_of
from distortion_heads.heads.file import dump_exactly
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.decode_ahead import Decoded, decode_ahead, same_size
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image_with_notes
from distortion_heads.io.rgb import Loaded
from distortion_heads.io.small_files import check_padded
from distortion_heads.registry.attached import banks_of, load_banks, load_qualities, load_registry, qualities_of
from distortion_heads.registry.build import Registry
from distortion_heads.registry.profiles import Profile, as_profile
from distortion_heads.spec import LIGHT, TEMPORAL, BackboneSpec
from distortion_heads.views.runs import SHORTEST_RUN, run_statistics
from distortion_heads.views.scene import Scene, scene_of, too_little

if TYPE_CHECKING:
    from distortion_heads.io.images import ImageSource

FEW = 8
"""Pictures from which on it pays to open the backbone once more, to evaluate them side by side."""

RATE_SLACK = 0.02
"""Share by which a rate may be too low: time stamps are rounded."""

BESIDE_PIXELS, MOST_BESIDE = 1_000_000, 8
"""Most pixels of a picture that is evaluated beside others, and most of these, 110 MB each; a larger one is alone."""


class Predictor:
    """Says which distortions an image has and how strong they are. Safe to share between threads once built;
    pickled, it goes to other processes.

    `heads` names the heads to evaluate, or the one (None: all that are attached), a family meaning all its heads;
    `registry` and `backbone` default to what is installed plus the user's own heads, and to the bundled backbone;
    `device` is "cpu" (ONNX Runtime) or a torch device (extra `train`); `threads` limits the threads of inference;
    `profile` names thresholds of one's own (`dheads calibrate`).
    `problems` lists attached heads that could not be used.

    Raises `UnknownHeadError` for an unknown name, `HeadFileError` if a head asked for by name cannot be used,
    `BackboneError` if the backbone cannot, `StoreError` if the user's folder of heads cannot be read,
    `ProfileError` if the profile was made for other heads.
    """

    def __init__(
        self,
        heads: Sequence[str] | None = None,
        *,
        registry: Registry | None = None,
        backbone: BackboneSpec | None = None,
        device: str = "cpu",
        threads: int | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        profile: Profile | str | None = None,
    ) -> None:
        registry = load_registry() if registry is None else registry
        self._max_pixels = max_pixels
        self._open = partial(open_backbone, backbone or bundled_backbone(), device=device, threads=threads)
        self._backbone = self._open()
        self._familiarity = bundled_familiarity(self._backbone.ref)
        self._threads = (threads or usable_cores()) if device == "cpu" else 1
        heads = [heads] if isinstance(heads, str) else heads
        chosen = registry.select(heads, member=lambda spec: spec.weights is not None)
        banks, labels, problems = load_banks(
            chosen, self._backbone.ref, must_work=heads is not None, profile=as_profile(profile, registry)
        )
        self._qualities, more = load_qualities(chosen, self._backbone.ref, must_work=heads is not None)
        self.problems = (*problems, *more)
        self._temporal = banks.pop(TEMPORAL)
        self._least_rates = {head.spec.label: head.spec.least_rate for head in chosen}
        temporal = {head.label for head in self._temporal.heads}
        self._order = tuple(label for label in labels if label not in temporal)
        self._banks = banks
        self._views = tuple(view for view, bank in self._banks.items() if bank or view in self._qualities.views)

    def __getstate__(self) -> dict[str, Any]:
        """Return heads as files and no engine: a Predictor travels to other processes, which open their own."""
        files = {"_banks": self.video_heads, "_qualities": self.quality_heads}
        held = {name: [*map(dump_exactly, heads)] for name, heads in files.items()}
        return {**self.__dict__, "_backbone": None, "_temporal": None, **held}

    def __setstate__(self, state: dict[str, Any]) -> None:
        banks, qualities = banks_of(state["_banks"]), qualities_of(state["_qualities"])
        self.__dict__.update(
            state, _backbone=state["_open"](), _temporal=banks.pop(TEMPORAL), _banks=banks, _qualities=qualities
        )

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        """The heads in use that answer for single pictures, in the order of the results."""
        by_label = {head.label: head for bank in self._banks.values() for head in bank.heads}
        return tuple(by_label[label] for label in self._order)

    @property
    def quality_heads(self) -> tuple[HeadFile, ...]:
        """The heads in use that say how good a picture is, in the order of the results."""
        return self._qualities.heads

    @property
    def video_heads(self) -> tuple[HeadFile, ...]:
        """All heads in use, in the order of the results for a video: `heads`, then those of the view "temporal"."""
        return (*self.heads, *self._temporal.heads)

    @property
    def backbone(self) -> FeatureSource:
        return self._backbone

    def predict(self, image: ImageSource, *, most_windows: int | None = None) -> Prediction:
        """Evaluate all heads on a path, bytes, PIL image or array (see `load_image`).

        With `most_windows` read no more windows than that, spread over the picture, and skip the rest of a large one.
        Raises `InputError` if the image cannot be used.
        """
        loaded = load_image_with_notes(image, max_pixels=self._max_pixels)
        return self._judge(image, loaded, partial(self._features, max_windows=most_windows))

    def predict_frame(
        self, image: NDArray[np.uint8], *, most_windows: int | None = None, frame_index: int = 0
    ) -> tuple[Prediction, NDArray[np.float32] | None]:
        """`predict`, and what `judge_run` wants of a frame: float32 (dim,); None where no temporal head is in use.

        Other windows are read for another `frame_index`, if not all are. Call it from several threads: it takes one.
        Of a frame with too little to judge no head says anything.
        """
        loaded = load_image_with_notes(image, max_pixels=self._max_pixels)
        scene = scene_of(loaded.pixels, loaded.alpha)
        backbone, reason = self._backbone.side_by_side(), too_little(scene)
        features: Features = {} if reason else self._features(scene, most_windows, backbone, frame_index)
        prediction = completed(self._assemble(image, loaded, scene, features, reason), self._order, lambda: self.heads)
        if not self._temporal:
            return prediction, None
        return prediction, self._overview(scene.pixels, features, backbone).mean(axis=0)

    def judge_run(
        self, run: NDArray[np.float32], rate: float = math.inf, overflowing: set[str] | None = None
    ) -> tuple[HeadResult, ...]:
        """The temporal heads' answers for one frame, from what `predict_frame` gave for N successive ones: (N, dim).

        Fewer than 3 frames show nothing over time, and nothing to a head that wants more of them than `rate` a second:
        probability 0. So does a head that overflows, whose label is added to `overflowing`.
        """
        heads = self._temporal.heads
        if len(run) < SHORTEST_RUN:
            return tuple(no_evidence(head) for head in heads)
        slow = self.unfit_for(rate)
        found, without = self._temporal.judge(run_statistics(run)[np.newaxis])
        if overflowing is not None:
            overflowing.update(without)
        answers = {answer.label: answer for answer in found if answer.label not in slow}
        return tuple(answers.get(head.label) or no_evidence(head) for head in heads)

    def unfit_for(self, rate: float) -> dict[str, float]:
        """Return the temporal heads that want more frames than `rate` a second, and how many."""
        wanted = {head.label: self._least_rates.get(head.label, 0.0) for head in self._temporal.heads}
        return {label: least for label, least in wanted.items() if rate < least * (1 - RATE_SLACK)}

    def predict_many(
        self, images: Iterable[ImageSource], *, most_windows: int | None = None
    ) -> Generator[Prediction | Exception]:
        """`predict` for each of `images`, in their order; what it would raise for one is yielded in its place.

        Pictures are decoded in threads beside the inference, a few ahead, and in bounded memory; small ones are
        evaluated side by side, which keeps more cores busy than sharing the work on one. Close the iterator to stop
        early.
        """
        with closing(decode_ahead(images, max_pixels=self._max_pixels)) as pictures:
            if self._threads > 1 and self._backbone.concurrent:
                with closing(self._beside(pictures, most_windows)) as predictions:
                    yield from predictions
                return
            batch = self._backbone.batch if most_windows is None else 1
            for group in same_size(pictures, batch):
                yield from self._group(group, most_windows)
                del group  # or it would be held while the next one is decoded

    def _beside(self, pictures: Iterable[Decoded], most_windows: int | None) -> Generator[Prediction | Exception]:
        """Small pictures side by side, but for the first few with one thread each; a large one with all threads."""
        read, number, backbone = partial(self._features, max_windows=most_windows), count(), self._backbone

        def read_beside(scene: Scene) -> Features:
            return read(scene, backbone=backbone if next(number) < FEW else backbone.side_by_side())

        return in_order(
            pictures,
            lambda decoded: self._attempt(decoded, read_beside),
            threads=min(self._threads, MOST_BESIDE),
            is_large=lambda decoded: decoded.size > BESIDE_PIXELS,
            work_alone=lambda decoded: self._attempt(decoded, read),
        )

    def _group(self, group: Sequence[Decoded], most_windows: int | None) -> Iterator[Prediction | Exception]:
        """Pictures of one size at once; a single one that may have failed already."""
        read = partial(self._features, max_windows=most_windows)
        if len(group) == 1:
            yield self._attempt(group[0], read)
            return
        loaded = [decoded.loaded for decoded in group if not isinstance(decoded.loaded, Exception)]
        scenes = [scene_of(picture.pixels, picture.alpha) for picture in loaded]
        known: Sequence[Features | None] = [None] * len(group)
        if not any(scene.area or too_little(scene) for scene in scenes):  # or they differ in size
            with suppress(Exception):  # one by one it may work, as where memory is short
                known = self._batch_features([scene.pixels for scene in scenes])
        for decoded, scene, features in zip(group, scenes, known, strict=True):
            yield self._attempt(decoded, read if features is None else lambda _, found=features: found, scene)  # type: ignore[misc]

    def _attempt(
        self, decoded: Decoded, read: Callable[[Scene], Features], scene: Scene | None = None
    ) -> Prediction | Exception:
        if isinstance(decoded.loaded, Exception):
            return decoded.loaded
        try:
            return self._judge(decoded.source, decoded.loaded, read, scene)
        except Exception as error:
            return error

    def _overview(self, pixels: NDArray[np.uint8], features: Features, backbone: FeatureSource) -> NDArray[np.float32]:
        """The backbone's features of the overview, float32 (K, dim): run anew only where no head has read them."""
        for view in ("overview", LIGHT):
            if view in features:
                return features[view][:, : self._backbone.ref.dim]
        return backbone.features(pixels, "overview")

    def _features(
        self,
        scene: Scene,
        max_windows: int | None,
        backbone: FeatureSource | None = None,
        frame_index: int = 0,
    ) -> Features:
        """Return the features of each view that a head reads. Raises `ImageTooLargeError`."""
        check_padded(scene.pixels.shape[1], scene.pixels.shape[0], self._max_pixels)
        return scene_features(
            backbone or self._backbone, scene, self._views, max_windows=max_windows, frame_index=frame_index
        )

    def _batch_features(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Features]:
        check_padded(pictures[0].shape[1], pictures[0].shape[0], self._max_pixels)
        return batch_features(self._backbone, pictures, self._views)

    def _judge(
        self, image: ImageSource, loaded: Loaded, read: Callable[[Scene], Features], scene: Scene | None = None
    ) -> Prediction:
        """The answer for a picture, unless it shows too little; `scene` where it is known already."""
        scene = scene or scene_of(loaded.pixels, loaded.alpha)
        reason = too_little(scene)
        return self._assemble(image, loaded, scene, {} if reason else read(scene), reason)

    def _assemble(
        self, image: ImageSource, loaded: Loaded, scene: Scene, features: Features, reason: str | None = None
    ) -> Prediction:
        results, notes = judge_all(self._banks, features)
        qualities, more = self._qualities.judge(features)
        height, width = loaded.pixels.shape[:2]
        area, read = scene.area, len(features.get("native", ()))
        known, side = self._familiarity, min(scene.pixels.shape[:2])
        unfamiliar = known is not None and known.is_unfamiliar(features.get("native"), side)
        heads = () if reason else decided([results[label] for label in self._order if label in results])
        return Prediction(
            path=os.fspath(image) if isinstance(image, str | os.PathLike) else None,
            width=width,
            height=height,
            windows=len(next(iter(features.values()), ())),
            backbone=str(self._backbone.ref),
            heads=heads,
            families=families_of(heads),
            fast=bool(read) and read < self._backbone.count(scene.pixels, scene.mask),
            notes=(*loaded.notes, *notes, *more, *([NOTE] if unfamiliar else [])),
            unfamiliar=unfamiliar,
            area=None if area is None else area.box,
            area_shape=None if area is None else area.shape,
            area_share=area.pixels / (height * width) if area else 1.0,
            judged=reason is None,
            qualities=() if reason else qualities,
            reason=None if reason is None else f"too little to judge: {reason}",
        )
