"""How well the temporal heads find frozen frames and flicker in clips that were not trained on, by codec.

    python benchmarks/temporal_heads.py --clips DIR --images DIR [--number 24] [--weights DIR]

The clips are those of `dheads train --clips`: a camera over held-out pictures, and the last part of each video.
Prints a table per head: all frames count, those at the edges of the distorted part too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from distortion_heads import Predictor, VideoOptions, predict_video
from distortion_heads.datasets.clean_pictures import find_scenes
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Sampling
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.spec import TEMPORAL, HeadSpec
from distortion_heads.training.runs.from_clips import videos_in
from distortion_heads.training.runs.made_clips import MadeClip, Material, make_clip, split_footage
from distortion_heads.video.predict import FrameEvent

CASES = {
    "no codec": (Coding(), Sampling()),
    "H.264, CRF 23": (Coding(codec="h264", crf=23), Sampling()),
    "H.264, CRF 32": (Coding(codec="h264", crf=32), Sampling()),
    "MPEG-4, 600 kbit/s": (Coding(codec="mpeg4", bit_rate=600_000), Sampling()),
    "H.264, CRF 23, --every 3": (Coding(codec="h264", crf=23), Sampling(every=3)),
}
SEED = 77


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Of each frame: the probabilities by head, and the label of what was done to it; segments by head, in frames."""

    probability: list[list[float]]
    label: list[str | None]
    clip: MadeClip
    segments: dict[str, list[tuple[float, float]]]


def judge(predictor: Predictor, clip: MadeClip, coding: Coding, sampling: Sampling, folder: Path) -> Judged:
    file = folder / f"clip{coding.suffix}"
    encode_video([(i / clip.rate, frame) for i, frame in enumerate(clip.frames)], file, coding, clip.rate)
    rows: list[list[float]] = []
    labels: list[str | None] = []

    def keep(step: FrameEvent) -> None:
        if step.is_frame:
            rows.append([head.probability for head in step.result.prediction.heads])
            place = round(step.result.time * clip.rate)
            labels.append(clip.label if clip.onset <= place < clip.offset else None)

    found = predict_video(predictor, file, VideoOptions(workers=1, sampling=sampling), on_step=keep)
    segments = {h.label: [(s.onset * clip.rate, s.offset * clip.rate) for s in h.segments] for h in found.heads}
    return Judged(probability=rows, label=labels, clip=clip, segments=segments)


def row(index: int, label: str, threshold: float, judged: Sequence[Judged]) -> list[str]:
    p = np.array([values[index] for one in judged for values in one.probability])
    present = np.array([name == label for one in judged for name in one.label])
    clean = np.array([one.clip.label is None for one in judged for _ in one.label])
    mine = [one for one in judged if one.clip.label == label]
    errors = [
        abs(a - b)
        for one in mine
        if len(one.segments[label]) == 1
        for a, b in zip(one.segments[label][0], (one.clip.onset, one.clip.offset), strict=True)
    ]
    return [
        f"{roc_auc_score(present, p):.3f}" if 0 < present.sum() < len(present) else "-",
        f"{f1_score(present, p >= threshold, zero_division=0.0):.3f}",
        f"{100 * np.mean(p[clean] >= threshold):.1f} %" if clean.any() else "-",
        f"{sum(bool(one.segments[label]) for one in mine)} of {len(mine)}",
        f"{np.median(errors):.0f}" if errors else "-",
    ]


def registry_with(folder: Path | None) -> Registry:
    """The installed temporal heads, with the weights in `folder` if it is given."""

    def moved(spec: HeadSpec) -> HeadSpec:
        return spec if folder is None else replace(spec, weights=folder / f"{spec.label}.safetensors")

    installed = build_registry().heads
    heads = {label: replace(h, spec=moved(h.spec)) for label, h in installed.items() if h.spec.view == TEMPORAL}
    return Registry(MappingProxyType(heads), MappingProxyType({}), (), ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--number", type=int, default=24)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    registry = registry_with(options.weights)
    predictor = Predictor(registry=registry, threads=1)
    specs = [head.spec for head in registry.heads.values()]
    _, hold = split_footage(videos_in(options.clips))
    material = Material(pictures=find_scenes(options.images).hold, footage=tuple(hold))
    clips = [make_clip(material, specs, np.random.default_rng((SEED, i))) for i in range(options.number)]
    with TemporaryDirectory() as folder:
        results = {
            name: [judge(predictor, clip, coding, sampling, Path(folder)) for clip in clips]
            for name, (coding, sampling) in CASES.items()
        }
    for index, head in enumerate(predictor.video_heads):
        print(f"\n{head.label}, {options.number} clips, backbone {predictor.backbone.ref}\n")
        print("| | AUROC | F1 | false alarms on clean clips | events found | error of edges, median, frames |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, judged in results.items():
            print(f"| {name} | {' | '.join(row(index, head.label, head.threshold.value, judged))} |")


if __name__ == "__main__":
    main()
