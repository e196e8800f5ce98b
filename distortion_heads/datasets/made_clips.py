"""Short clips for temporal heads: a camera over pictures, and parts of real footage; distorted in part, then coded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.datasets.clean_pictures import load_scene, pick
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Sampling, VideoOptions
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, HeadSpec

FRAMES = 30
SHORT_SIDE = (128, 192)
RATES = (24.0, 25.0, 30.0)
SHORTEST = 4.0
"""Seconds of a video from which clips are cut: a little of it stays for those that are held out."""

SHORTEST_EVENT = 20

FROM_FOOTAGE = 0.3
"""Share of the clips that are cut from real footage, where there is any."""

CLEAN = 0.3
"""Share of the clips that are not distorted at all."""

Frames = list[NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A part of a real video, in seconds."""

    path: Path
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Material:
    """Material of clips: pictures, and parts of videos."""

    pictures: tuple[Path, ...]
    footage: tuple[Footage, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class MadeClip:
    """`frames` of `rate`; those in [`onset`, `offset`) have the distortion `label` of `severity`, or none does."""

    frames: Frames
    rate: float
    label: str | None = None
    severity: float = 0.0
    onset: int = 0
    offset: int = 0


def make_clip(material: Material, specs: Sequence[HeadSpec], rng: np.random.Generator) -> MadeClip:
    """Draw a clip; one of `specs` distorts part of it, or all, at a severity drawn evenly from 1 to 5."""
    if material.footage and rng.random() < FROM_FOOTAGE:
        frames, rate = _cut(material.footage[int(rng.integers(len(material.footage)))], rng)
    else:
        frames, rate = _filmed(material.pictures, rng), float(rng.choice(RATES))
    if rng.random() < CLEAN or len(frames) <= SHORTEST_EVENT:
        return MadeClip(frames=frames, rate=rate)
    return distorted(frames, rate, specs[int(rng.integers(len(specs)))], rng)


def distorted(frames: Frames, rate: float, spec: HeadSpec, rng: np.random.Generator) -> MadeClip:
    """A third of the clips from end to end, the others over an interval. Raises `DataError`."""
    if spec.synthesize_clip is None:
        raise DataError(f"the head {spec.label!r} cannot distort clips: it has no synthesize_clip")
    onset, offset = 0, len(frames)
    if rng.random() > 1 / 3:
        length = int(rng.integers(SHORTEST_EVENT, len(frames)))
        onset = int(rng.integers(len(frames) - length + 1))
        offset = onset + length
    severity = float(rng.uniform(MIN_SEVERITY, MAX_SEVERITY))
    part = (to_float(frame) for frame in frames[onset:offset])
    made = [to_uint8(frame) for frame in spec.synthesize_clip(part, rate, severity, rng)]
    if len(made) != offset - onset:
        raise DataError(f"synthesize_clip of {spec.label!r} made {len(made)} frames of {offset - onset}")
    return MadeClip(
        frames=[*frames[:onset], *made, *frames[offset:]],
        rate=rate,
        label=spec.label,
        severity=severity,
        onset=onset,
        offset=offset,
    )


def draw_coding(rng: np.random.Generator) -> Coding:
    """H.264 or MPEG-4, good to poor; a tenth lossless."""
    kind = rng.random()
    if kind < 0.1:
        return Coding(codec="ffv1")
    if kind < 0.7:
        return Coding(codec="h264", crf=float(rng.integers(16, 34)))
    return Coding(codec="mpeg4", bit_rate=int(rng.integers(300, 2000)) * 1000)


def coded(clip: MadeClip, coding: Coding, file: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames as they come out of a decoder; `file` is overwritten."""
    from distortion_heads.io.video.reader import open_video

    encode_video([(i / clip.rate, frame) for i, frame in enumerate(clip.frames)], file, coding, clip.rate)
    with closing(open_video(file, VideoOptions())) as video:
        for frame in video.frames():
            yield frame.pixels


def split_footage(paths: Sequence[Path], fit_share: float = 0.6, gap: float = 0.05) -> tuple[list[Footage], ...]:
    """The beginning of each video, and the rest of it after a gap: what is near in time is alike."""
    from distortion_heads.io.video.reader import open_video

    fit, hold = [], []
    for path in paths:
        try:
            with closing(open_video(path, VideoOptions())) as video:
                length = video.info.duration
        except InputError as error:
            raise DataError(f"{path}: {error}; mend or remove it") from None
        if length is None:
            raise DataError(f"{path} does not say how long it is: put it into another container")
        if length < SHORTEST:
            raise DataError(f"{path} lasts {length:.1f} s: clips are cut from videos of {SHORTEST:g} s and more")
        fit.append(Footage(path=path, start=0.0, end=fit_share * length))
        hold.append(Footage(path=path, start=(fit_share + gap) * length, end=length))
    return fit, hold


def _cut(footage: Footage, rng: np.random.Generator) -> tuple[Frames, float]:
    """Successive frames from a random time on, reduced."""
    from distortion_heads.io.video.reader import open_video

    latest = max(footage.end - FRAMES / 20, footage.start)
    sampling = Sampling(start=float(rng.uniform(footage.start, latest)), end=footage.end)
    with closing(open_video(footage.path, VideoOptions(sampling=sampling, max_frames=FRAMES))) as video:
        rate = video.info.frame_rate or 25.0
        height, width = video.info.height, video.info.width
        scale = float(rng.uniform(*SHORT_SIDE)) / min(height, width)
        size = (round(width * min(scale, 1.0)), round(height * min(scale, 1.0)))
        frames = []
        for frame in video.frames():
            frames.append(np.asarray(Image.fromarray(frame.pixels).resize(size, Image.Resampling.BOX)))
            if len(frames) == FRAMES:
                break
    return frames, rate


def _filmed(pictures: Sequence[Path], rng: np.random.Generator) -> Frames:
    """A camera over one picture, or over two with a cut; a third of the cameras stand, as on a tripod."""
    short = float(rng.uniform(*SHORT_SIDE))
    size = (2 * round(short * rng.uniform(1.0, 1.5) / 2), 2 * round(short / 2))
    cut = int(rng.integers(8, FRAMES - 8)) if rng.random() < 0.15 else FRAMES
    noise = float(rng.choice((0.0, rng.uniform(0.5, 4.0))))
    frames: Frames = []
    for count in (cut, FRAMES - cut):
        if count:
            scene = load_scene(pick(pictures, rng))
            frames += _stand(scene, size, count, rng) if rng.random() < 1 / 3 else _move(scene, size, count, rng)
    frames = _faded(frames, rng) if rng.random() < 0.12 else frames
    frames = [_grain(frame, noise, rng) for frame in frames] if noise else frames
    return _repeated(frames, int(rng.integers(2, 4))) if rng.random() < 0.12 else frames


def _move(scene: NDArray[np.uint8], size: tuple[int, int], count: int, rng: np.random.Generator) -> Frames:
    """Pan, zoom and a hand that shakes: 2 to 100 % of the frame's width in a second, or so."""
    picture = Image.fromarray(scene)
    speed = size[0] / 25 * float(np.exp(rng.uniform(np.log(0.02), 0.0)))
    angle = rng.uniform(0, 2 * np.pi)
    shake = _smooth(rng.normal(0, 1, (count, 2))) * rng.uniform(0, 0.6)
    path = np.cumsum(speed * np.array([np.cos(angle), np.sin(angle)]) + shake, axis=0)
    zoom = np.exp(np.linspace(0, rng.normal(0, 0.1), count)) * rng.uniform(0.55, 1.0)
    return [_crop(picture, size, position, factor) for position, factor in zip(path, zoom, strict=True)]


def _stand(scene: NDArray[np.uint8], size: tuple[int, int], count: int, rng: np.random.Generator) -> Frames:
    """A still camera before which something moves, a 12th to a half of the picture high."""
    width, height = size
    still = _crop(Image.fromarray(scene), size, np.zeros(2), rng.uniform(0.6, 1.0))
    tall, wide = (max(8, int(height * rng.uniform(1 / 12, 0.5))) for _ in range(2))
    patch = scene[:tall, :wide][::-1]
    tall, wide = min(patch.shape[0], height), min(patch.shape[1], width)
    start = rng.uniform((0, 0), (height - tall + 1, width - wide + 1))
    speed = rng.normal(0, 1, 2) * height / 60
    speed += np.sign(speed) * 0.5
    frames = []
    for i in range(count):
        frame = still.copy()
        span = np.array((height - tall, width - wide)) + 1e-9
        top, left = (span - np.abs((start + i * speed) % (2 * span) - span)).astype(int)
        frame[top : top + tall, left : left + wide] = patch[:tall, :wide]
        frames.append(frame)
    return frames


def _crop(picture: Image.Image, size: tuple[int, int], offset: NDArray[np.float64], zoom: float) -> NDArray[np.uint8]:
    """A window of the picture's aspect-true part of `zoom`, moved by `offset` pixels; it turns back at the edges."""
    share = min(picture.width / size[0], picture.height / size[1]) * min(max(zoom, 0.3), 1.0)
    box = np.array(size) * share
    room = np.maximum(picture.size - box, 1e-6)
    left, top = np.clip(room - np.abs((room / 2 + offset * share) % (2 * room) - room), 0, room)
    region = (left, top, min(left + box[0], picture.width), min(top + box[1], picture.height))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=region))


def _faded(frames: Frames, rng: np.random.Generator) -> Frames:
    """A light that is dimmed or turned up once, at once or over a second: no flicker."""
    middle, width = rng.uniform(0.2, 0.8) * len(frames), rng.uniform(0.1, 15.0)
    change = rng.uniform(0.1, 0.6) * rng.choice((-1.0, 1.0))
    gains = 1 + change / (1 + np.exp(-(np.arange(len(frames)) - middle) / width))
    return [np.clip(np.rint(f * gain), 0, 255).astype(np.uint8) for f, gain in zip(frames, gains, strict=True)]


def _grain(frame: NDArray[np.uint8], deviation: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    noise = np.float32(deviation) * rng.standard_normal(frame.shape[:2], np.float32)[..., None]
    return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def _repeated(frames: Frames, times: int) -> Frames:
    """Each frame shown so many times, as films of fewer pictures a second are: not frozen."""
    return [frames[i // times] for i in range(len(frames))]


def _smooth(values: NDArray[np.float64], width: int = 5) -> NDArray[np.float64]:
    kernel = np.ones(width) / np.sqrt(width)
    return np.stack([np.convolve(column, kernel, mode="same") for column in values.T], axis=1)
