"""Fit the heads of the view "temporal" on a frozen backbone: clips are made, distorted, coded, decoded and run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.read_views import view_features
from distortion_heads.datasets.clean_pictures import content_digest, find_scenes
from distortion_heads.datasets.made_clips import MadeClip, Material, coded, draw_coding, make_clip, split_footage
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.io.inputs import VIDEO_SUFFIXES
from distortion_heads.spec import TEMPORAL, HeadSpec
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, check_line, train_head
from distortion_heads.training.runs.job import versions
from distortion_heads.views.runs import SHORTEST_RUN, Runs, run_statistics

STRIDES = (1, 2, 4)
"""Every so many frames of a clip are looked at, as with `--every N`."""

SPARE = 3
"""Every so many of the runs of all frames are kept: neighbours hardly differ."""

INSIDE, OUTSIDE = 0.75, 0.25
"""Share of a run that must be distorted, or may be, to count; what lies between teaches nothing."""

MAX_FPR_CLEAN = 0.01


@dataclass(frozen=True, kw_only=True)
class TemporalOptions:
    """`images`: clean pictures, over which a camera moves. `footage`: real videos, or none. Same seed, same heads.

    Heads are written to `out/heads/LABEL.safetensors`.
    """

    images: Path
    out: Path
    footage: tuple[Path, ...] = ()
    fit_clips: int = 360
    hold_clips: int = 80
    seed: int = 0
    licenses: tuple[str, ...] = ()
    head_license: str = UNSPECIFIED
    command: str = "dheads train --clips"
    report: Callable[[str, int, int], None] = lambda stage, done, total: None


@dataclass(frozen=True, kw_only=True, eq=False)
class RunSet:
    """`statistics` (n, width) of n runs; `label`, the index of their head, or -1; `severity`; `clean`: of clips without
    any distortion."""

    statistics: NDArray[np.float32]
    label: NDArray[np.int64]
    severity: NDArray[np.float32]
    clean: NDArray[np.bool_]

    def examples(self, index: int) -> Examples:
        """For one head: each run is an image of one window."""
        return Examples.pack(list(self.statistics[:, np.newaxis]), self.label == index, self.severity, self.clean)


def train_temporal(
    options: TemporalOptions, specs: Sequence[HeadSpec], backbone: FeatureSource
) -> tuple[HeadFile, ...]:
    """Fit the head of every temporal spec that can distort clips, and write it.

    The others' clips are negatives. Held-out figures are of other pictures and later times of the footage. Raises
    `DataError` if there is no such spec or too little material.
    """
    learnt = tuple(sorted((s for s in specs if s.view == TEMPORAL and s.synthesize_clip), key=lambda s: s.label))
    if not learnt:
        raise DataError("no attached head distorts clips (view 'temporal' with synthesize_clip): nothing to learn")
    for text in (*options.licenses, options.head_license):
        check_line("licence", text)
    scenes = find_scenes(options.images)
    fit_footage, hold_footage = split_footage(options.footage)
    fit, hold = (
        _run_set(options, name, Material(pictures=pictures, footage=tuple(footage)), learnt, backbone)
        for name, pictures, footage in (("fit", scenes.fit, fit_footage), ("hold", scenes.hold, hold_footage))
    )
    folder = options.out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    heads = []
    for index, spec in enumerate(learnt):
        head = _fit(options, spec, fit.examples(index), hold.examples(index), backbone, scenes.sha256)
        write_atomic(folder / f"{spec.label}.safetensors", dump_head(head))
        heads.append(head)
        options.report("heads", index + 1, len(learnt))
    return tuple(heads)


def videos_in(folder: Path) -> tuple[Path, ...]:
    """The videos below a folder, sorted. Raises `DataError` if there are none."""
    found = tuple(
        sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    )
    if not found:
        raise DataError(f"{folder} holds no video")
    return found


def _run_set(
    options: TemporalOptions, name: str, material: Material, specs: Sequence[HeadSpec], backbone: FeatureSource
) -> RunSet:
    clips = options.hold_clips if name == "hold" else options.fit_clips
    labels = {spec.label: index for index, spec in enumerate(specs)}
    rows: list[tuple[NDArray[np.float32], int, float, bool]] = []
    with TemporaryDirectory() as folder:
        for number in range(clips):
            rng = np.random.default_rng((options.seed, name == "hold", number))
            clip = make_clip(material, specs, rng)
            coding = draw_coding(rng)
            frames = coded(clip, coding, Path(folder) / f"clip{coding.suffix}")
            features = np.stack([view_features(backbone, f, "overview").mean(axis=0) for f in frames])
            for run, severity in _labelled_runs(clip, features, rng):
                present = severity is not None
                label = labels[clip.label] if present and clip.label is not None else -1
                rows.append((run, label, severity or np.nan, clip.label is None))
            options.report(f"clips, {name}", number + 1, clips)
    return RunSet(
        statistics=np.stack([row[0] for row in rows]),
        label=np.array([row[1] for row in rows], np.int64),
        severity=np.array([row[2] for row in rows], np.float32),
        clean=np.array([row[3] for row in rows], bool),
    )


def _labelled_runs(
    clip: MadeClip, features: NDArray[np.float32], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], float | None]]:
    """Statistics of runs, at several strides, and the severity that the run has, or None."""
    for stride in STRIDES:
        first = int(rng.integers(stride))
        for number, places in enumerate(_places(range(first, len(features), stride), clip.rate)):
            if len(places) < SHORTEST_RUN or (stride == 1 and number % SPARE):
                continue
            share = np.mean((places >= clip.onset) & (places < clip.offset))
            if share >= INSIDE:
                yield run_statistics(features[places]), clip.severity
            elif share <= OUTSIDE:
                yield run_statistics(features[places]), None


def _places(chosen: range, rate: float) -> Iterator[NDArray[np.int64]]:
    """The run of each chosen frame, as frame numbers."""
    runs: Runs[int] = Runs()
    for place in chosen:
        for _, run in runs.add(place / rate, np.array([place], np.float32), place):
            yield run[:, 0].astype(np.int64)
    for _, run in runs.finish():
        yield run[:, 0].astype(np.int64)


def _fit(
    options: TemporalOptions,
    spec: HeadSpec,
    fit: Examples,
    hold: Examples,
    backbone: FeatureSource,
    pictures_sha256: str,
) -> HeadFile:
    positive = int(fit.labels.sum())
    digest = hashlib.sha256(f"{pictures_sha256}\n{content_digest(options.footage)}".encode()).hexdigest()
    provenance = Provenance(
        data=f"{options.images.name} and {len(options.footage)} videos: clips distorted and coded by this package",
        data_sha256=digest,
        n_pos=positive,
        n_neg=len(fit) - positive,
        seed=options.seed,
        command=options.command,
        versions=versions(),
        image_licenses=options.licenses,
    )
    card = HeadCard(label=spec.label, title=spec.title, family=spec.family, license=options.head_license, view=TEMPORAL)
    return train_head(
        fit, hold, card, backbone.ref, provenance, seed=options.seed, max_fpr_clean=MAX_FPR_CLEAN, with_severity=True
    )
