"""The way of the data: image -> windows -> features -> head outputs -> prediction. Only this module knows the order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbone import Backbone, bundled_backbone, load_backbone
from distortion_heads.errors import HeadFileError, HeadSchemaError, ImageTooLargeError
from distortion_heads.heads import HeadBank, aggregate
from distortion_heads.images import DEFAULT_MAX_PIXELS, load_image
from distortion_heads.registry import RegisteredHead, Registry, build_registry
from distortion_heads.spec import (
    VIEWS,
    BackboneRef,
    BackboneSpec,
    HeadFile,
    HeadResult,
    Prediction,
    View,
)
from distortion_heads.store import Store
from distortion_heads.weights import check_backbone, read_head
from distortion_heads.windows import WINDOW, native_view, native_windows, overview_view, whole

if TYPE_CHECKING:
    from distortion_heads.images import ImageSource


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An attached head that cannot be used, and why; the others go on without it."""

    label: str
    reason: str

    def __str__(self) -> str:
        return f"head {self.label!r} is left out: {self.reason}"


class Predictor:
    """Says which distortions an image has and how strong they are. Safe to share between threads once built.

    `heads` names the heads to evaluate (None: all that are attached); `registry` and `backbone` default to what is
    installed plus the user's own heads, and to the bundled backbone; `device` is "cpu" (ONNX Runtime) or a torch
    device (extra `train`); `threads` limits ONNX Runtime. `problems` lists attached heads that could not be used.

    Raises `UnknownHeadError` for an unknown name, `HeadFileError` if a head asked for by name cannot be used,
    `BackboneError` if the backbone cannot, `StoreError` if the user's folder of heads cannot be read.
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
    ) -> None:
        registry = installed_registry() if registry is None else registry
        self._max_pixels = max_pixels
        self._backbone = load_backbone(backbone or bundled_backbone(), device=device, threads=threads)
        loaded, self.problems = _load_heads(registry.select(heads), self._backbone.ref, must_work=heads is not None)
        self._order = tuple(head.label for head in loaded)
        self._banks = {view: HeadBank([h for h in loaded if h.view == view]) for view in VIEWS}

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        """The heads in use, in the order of the results."""
        by_label = {head.label: head for bank in self._banks.values() for head in bank.heads}
        return tuple(by_label[label] for label in self._order)

    @property
    def backbone(self) -> Backbone:
        return self._backbone

    def predict(self, image: ImageSource) -> Prediction:
        """Evaluate all heads on a path, bytes, PIL image or array (see `load_image`).

        Raises `InputError` if the image cannot be used.
        """
        pixels = load_image(image, max_pixels=self._max_pixels)
        height, width = (max(side, WINDOW) for side in pixels.shape[:2])
        if height * width > max(self._max_pixels, DEFAULT_MAX_PIXELS):
            raise ImageTooLargeError(
                f"{pixels.shape[1]} x {pixels.shape[0]} is {width} x {height} once padded to whole windows, over the "
                f"limit of {self._max_pixels} pixels: raise it with --max-pixels"
            )
        results: dict[str, HeadResult] = {}
        windows = 0
        for view, bank in self._banks.items():
            if bank.heads:
                features = view_features(self._backbone, pixels, view)
                windows = len(features) if view == "native" else max(windows, 1)
                results.update(_evaluate(bank, features))
        return Prediction(
            path=os.fspath(image) if isinstance(image, str | Path) else None,
            width=pixels.shape[1],
            height=pixels.shape[0],
            windows=windows,
            backbone=str(self._backbone.ref),
            heads=tuple(results[label] for label in self._order),
        )


def view_features(backbone: Backbone, pixels: NDArray[np.uint8], view: View) -> NDArray[np.float32]:
    """Features of one view of uint8 (H, W, 3): float32 (K, dim), K windows; the overview is one window."""
    if view == "overview":
        cells = backbone.cells(overview_view(pixels))
        return backbone.pool(cells, whole(cells.rows, cells.columns))
    cells = backbone.cells(native_view(pixels))
    return backbone.pool(cells, native_windows(cells.rows, cells.columns))


def installed_registry(*, no_plugins: bool = False) -> Registry:
    """What is installed, and the user's own heads."""
    return build_registry(user_heads=Store.default(os.environ).user_plugin(), no_plugins=no_plugins)


def load_installed_head(head: RegisteredHead, backbone: BackboneRef) -> HeadFile:
    """Read and check the file of one head. Raises `HeadFileError`."""
    weights = head.spec.weights
    if weights is None:
        raise HeadFileError(f"it has no weights yet; train it with `dheads add-head {head.spec.label} --clean DIR`")
    file = read_head(weights)
    if file.label != head.spec.label:
        raise HeadSchemaError(f"{weights} holds the head {file.label!r}, not {head.spec.label!r}")
    check_backbone(file, backbone, str(weights))
    return file


def _load_heads(
    chosen: Sequence[RegisteredHead], backbone: BackboneRef, *, must_work: bool
) -> tuple[tuple[HeadFile, ...], tuple[Problem, ...]]:
    loaded, problems = [], []
    for head in chosen:
        if head.spec.weights is None and not must_work:
            continue
        try:
            loaded.append(load_installed_head(head, backbone))
        except HeadFileError as error:
            if must_work:
                raise type(error)(f"head {head.spec.label!r}: {error}") from None
            problems.append(Problem(label=head.spec.label, reason=str(error)))
    return tuple(loaded), tuple(problems)


def _evaluate(bank: HeadBank, features: NDArray[np.float32]) -> dict[str, HeadResult]:
    outputs = bank.evaluate(features)
    results = {}
    for head, logits, levels in zip(bank.heads, outputs.logits, outputs.severity, strict=True):
        probability, severity = aggregate(head, logits, levels)
        results[head.label] = HeadResult(
            label=head.label,
            family=head.family,
            probability=probability,
            threshold=head.threshold.value,
            present=probability >= head.threshold.value,
            severity=severity,
        )
    return results
