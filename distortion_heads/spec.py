"""The words of plugins: heads, backbones, views and labels. Imports neither NumPy nor torch at run time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from distortion_heads._system.printable import printable
from distortion_heads.errors import InvalidLabelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatImage: TypeAlias = NDArray[np.float32]
    Synthesizer: TypeAlias = Callable[[FloatImage, float, np.random.Generator], FloatImage]
    Encoder: TypeAlias = Callable[[FloatImage, float, np.random.Generator], tuple[bytes, str]]
    ClipSynthesizer: TypeAlias = Callable[
        [Iterable[FloatImage], float, float, np.random.Generator], Iterator[FloatImage]
    ]

View: TypeAlias = Literal["native", "overview", "light", "temporal", "full"]
Stage: TypeAlias = Literal["optics", "atmosphere", "sensor", "processing", "compression"]
Scope: TypeAlias = Literal["kind", "family", "quality"]

LIGHT: View = "light"
"""The overview, and statistics of the histogram, of where light drifts and where it lies (see
`views.light.light_statistics`)."""

TONES, DRIFT, LAYOUT = 224, 66, 144
LIGHT_STATISTICS = TONES + DRIFT + LAYOUT
_LIGHT_VERSION = 3  # another one whenever a statistic gets another value

VIEWS: tuple[View, ...] = ("native", "overview", LIGHT)
"""The views of a single picture."""

TEMPORAL: View = "temporal"
"""The view of a run of a video's frames: statistics over time of the features of their overviews."""

FULL: View = "full"
"""Each native window, followed by the view "light" of the picture and by its traces (see `views.traces.traces`)."""

TRACES = 204
_FULL_VERSION = 2  # as for the view "light"

HEAD_VIEWS: tuple[View, ...] = (*VIEWS, FULL, TEMPORAL)
TEMPORAL_STATISTICS = 2
"""Statistics of each feature in the temporal view (see `views.runs.run_statistics`)."""

STAGES: tuple[Stage, ...] = ("optics", "atmosphere", "sensor", "processing", "compression")
MIN_SEVERITY, MAX_SEVERITY = 1.0, 5.0

KIND: Scope = "kind"
FAMILY: Scope = "family"
QUALITY: Scope = "quality"
SCOPES: tuple[Scope, ...] = (KIND, FAMILY, QUALITY)
"""The scopes of heads: one named distortion, all that a family has, named or not, or how good a picture is."""

_LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}")


def check_label(label: str) -> str:
    """Return `label` if it is a snake_case identifier of at most 64 characters; raise `InvalidLabelError` otherwise."""
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise InvalidLabelError(f"label {label!r} is no identifier like 'lens_blur' (lower-case letters, digits, _)")
    return label


@dataclass(frozen=True, kw_only=True)
class Make:
    """One way in which a fault of a family comes about that no kind is named after, to train its family head with.

    `synthesize` and `stage` are as in `HeadSpec`. Raises `InvalidLabelError` if `name` is no snake_case identifier.
    """

    name: str
    description: str
    synthesize: Synthesizer
    stage: Stage | None = None

    def __post_init__(self) -> None:
        check_label(self.name)
        if not isinstance(self.description, str):
            raise TypeError("Make.description must be a string")
        if not callable(self.synthesize):
            raise TypeError("Make.synthesize must be a function")
        _check_stage("Make", self.stage)


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """One distortion, or a family of them, as a plugin describes it.

    `weights` is the head's `.safetensors` file, or None for a distortion that can be made but not yet detected.
    `synthesize(image, severity, rng)` distorts a float32 HWC RGB image in [0, 1], severity in [1, 5], and returns the
    same shape, dtype and range. `parameters(severity)` names the physical parameters of that severity, for manifests.
    `encode(image, severity, rng)` returns `(bytes, suffix)` where the distortion is a codec's own file. `view` is what
    a head is trained on by default; the view written in a head file is what it is evaluated on. `stage` says where in
    the imaging chain it happens, for mixtures; None takes the usual stage of the family.

    A head of the view "temporal" answers for the frames of videos alone. It has no `synthesize`, but
    `synthesize_clip(frames, rate, severity, rng)`, which distorts successive frames (each as above, all of one shape),
    `rate` a second, lazily, and yields as many. Below `least_rate` different frames a second it is not asked.

    A head of the scope "family" says whether any fault of its `family`, after which it is called, is there; kinds say
    which one. It has nothing to synthesize of its own: it learns from the family's kinds and from `makes`.

    A head of the scope "quality" says how good a picture is, whatever is wrong with it; it synthesizes nothing either.

    For `dheads explain`: `remedy` says what mends it, `mistaken_for` which labels it is taken for, and
    how often; None where that was not measured.

    `profiles` are files NAME.json of `dheads calibrate`: thresholds that come with this head, perhaps with others too.

    Raises `InvalidLabelError` if `label` is no snake_case identifier.
    """

    label: str
    title: str
    family: str
    description: str
    weights: Traversable | Path | None = None
    synthesize: Synthesizer | None = None
    source: str | None = None
    view: View = "native"
    parameters: Callable[[float], Mapping[str, float]] | None = None
    encode: Encoder | None = None
    stage: Stage | None = None
    synthesize_clip: ClipSynthesizer | None = None
    least_rate: float = 0.0
    scope: Scope = KIND
    makes: tuple[Make, ...] = ()
    remedy: str = ""
    mistaken_for: tuple[tuple[str, float], ...] | None = None
    profiles: tuple[Traversable | Path, ...] = ()

    def __post_init__(self) -> None:
        check_label(self.label)
        for name in ("title", "family", "description", "remedy"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"HeadSpec.{name} must be a string")
            if printable(getattr(self, name)) != getattr(self, name):
                raise ValueError(f"HeadSpec.{name} must be one line of printable text")
        if self.view not in HEAD_VIEWS:
            raise ValueError(f"HeadSpec.view must be one of {HEAD_VIEWS}, not {self.view!r}")
        if self.view == TEMPORAL and (self.synthesize is not None or self.encode is not None):
            raise ValueError("a HeadSpec of the view 'temporal' has synthesize_clip, not synthesize or encode")
        _check_stage("HeadSpec", self.stage)
        if self.scope not in SCOPES:
            raise ValueError(f"HeadSpec.scope must be one of {SCOPES}, not {self.scope!r}")
        if not (isinstance(self.profiles, tuple) and all(hasattr(file, "open") for file in self.profiles)):
            raise TypeError("HeadSpec.profiles must be a tuple of Path or Traversable")
        self._check_makes()
        if self.scope == FAMILY:
            self._check_family()
        if self.scope == QUALITY and (self.can_synthesize or self.encode is not None or self.view == TEMPORAL):
            raise ValueError("a HeadSpec of the scope 'quality' judges single pictures and synthesizes nothing")

    @property
    def can_synthesize(self) -> bool:
        """Return whether its distortion can be made, of pictures or of clips."""
        return self.synthesize is not None or self.synthesize_clip is not None

    def _check_makes(self) -> None:
        if not (isinstance(self.makes, tuple) and all(isinstance(make, Make) for make in self.makes)):
            raise TypeError("HeadSpec.makes must be a tuple of Make")
        if self.makes and self.scope != FAMILY:
            raise ValueError("HeadSpec.makes is for the scope 'family': a kind has synthesize")
        if len({make.name for make in self.makes}) < len(self.makes):
            raise ValueError("two of HeadSpec.makes have the same name")

    def _check_family(self) -> None:
        if self.label != self.family:
            raise ValueError(f"a HeadSpec of the scope 'family' is labelled {self.family!r}, as its family")
        if self.can_synthesize or self.encode is not None:
            raise ValueError("a HeadSpec of the scope 'family' has makes, not synthesize, encode or synthesize_clip")


def _check_stage(kind: str, stage: Stage | None) -> None:
    if stage is not None and stage not in STAGES:
        raise ValueError(f"{kind}.stage must be one of {STAGES}, not {stage!r}")


@dataclass(frozen=True, kw_only=True)
class PatchInput:
    """The input of a network: squares of `side` native pixels every `stride`, as (x / 255 - mean) / std.

    With `width` they are no squares, but `side` high and `width` wide.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    side: int = 224
    stride: int = 150
    width: int = 0


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """A backbone that a plugin brings: `<name>.safetensors` (weights) and `<name>.onnx` (graph without weights).

    A backbone that can be fine-tuned also brings `network()`, which returns its torch module, (B, 3, side, side) ->
    feature maps (B, C, h, w), and the `patches` that this wants; `dheads export` makes the two files from them.
    """

    name: str
    weights: Traversable | Path
    graph: Traversable | Path
    description: str = ""
    network: Callable[[], Any] | None = None
    patches: PatchInput | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneRef:
    """The backbone that a head reads. `fingerprint`: SHA-256 hex digest; `dim`: length of a feature vector."""

    name: str
    fingerprint: str
    dim: int

    def __str__(self) -> str:
        return f"{self.name}@{self.fingerprint[:12]}"


def is_coarse(view: View) -> bool:
    """Return whether heads of a view see the whole picture at once, reduced, and not windows of it."""
    return view in ("overview", LIGHT)


def view_key(view: View) -> str:
    """Return a key for caches that names all that decides what heads of `view` read, but for the backbone."""
    versions = {LIGHT: f" {_LIGHT_VERSION}", FULL: f" {_LIGHT_VERSION}.{_FULL_VERSION}"}
    return f"{view}{versions.get(view, '')}"


def width_of(view: View, dim: int) -> int:
    """Return the length of the vectors that heads of `view` read of a backbone with `dim` features."""
    if view == TEMPORAL:
        return TEMPORAL_STATISTICS * dim
    if view == FULL:
        return 2 * dim + LIGHT_STATISTICS + TRACES
    return dim + LIGHT_STATISTICS if view == LIGHT else dim
