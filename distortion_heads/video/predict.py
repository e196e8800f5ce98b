"""Videos to predictions: the one place where reading, inference and the timeline meet.

    from distortion_heads import Predictor, predict_video
    prediction = predict_video(Predictor(threads=1), "clip.mp4")
    [(family.family, family.segments) for family in prediction.relevant_families]

A `Predictor` with one thread is best: several frames are evaluated at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from distortion_heads.errors import InputError
from distortion_heads.io.video.deinterlace import COMBED
from distortion_heads.io.video.options import Frame, Sampling, VideoInfo, VideoOptions, VideoSource
from distortion_heads.io.video.reader import open_video
from distortion_heads.video.answers import Event, FrameResult, VideoPrediction
from distortion_heads.video.families import decided_over_time, families_over_time, without_combing
from distortion_heads.video.frames import FrameRun
from distortion_heads.video.temporal import TemporalJudge
from distortion_heads.video.timeline import Timeline

if TYPE_CHECKING:
    from distortion_heads.pipeline import Predictor

    Source: TypeAlias = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True, kw_only=True)
class FrameEvent:
    """One frame's answers, and the beginnings and ends of segments that became known by it.

    The last one has no frame of its own (`is_frame`), but what became known by the end.
    """

    info: VideoInfo
    result: FrameResult
    events: tuple[Event, ...]
    is_frame: bool = True


def predict_frames(predictor: Predictor, source: Source, options: VideoOptions | None = None) -> Iterator[FrameResult]:
    """Yield the answers for each frame, in order, as they are made. Raises what `open_video` raises.

    Frames that cannot be decoded are left out; `predict_video` reports them.
    """
    options = options or VideoOptions()
    judge = TemporalJudge(predictor)
    with closing(open_video(source, options)) as video:
        for result in _run(predictor, video, options, None):
            yield from judge.add(result)
        yield from judge.finish()


def predict_video(
    predictor: Predictor,
    source: Source,
    options: VideoOptions | None = None,
    *,
    on_step: Callable[[FrameEvent], None] | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> VideoPrediction:
    """Evaluate the heads on a video: a path, a numbered sequence (`frame_%04d.png`) or a stream of encoded video.

    `on_step` is called in this thread for each frame, in order; `on_frame` in the thread that decodes, with the pixels.
    While a growing file is followed, an interrupt (Ctrl-C) ends it and the answer is that for what was seen.

    Raises `InputError` if there is no video, or not one frame of it can be decoded.
    """
    options = options or VideoOptions()
    timeline, judge = Timeline(predictor.video_heads, options.rule), TemporalJudge(predictor)
    with closing(open_video(source, options)) as video:

        def take(results: Iterable[FrameResult]) -> None:
            for result in results:
                events = timeline.add(result)
                if on_step is not None:
                    on_step(FrameEvent(info=video.info, result=result, events=events))

        run = _run(predictor, video, options, on_frame)
        try:
            for result in run:
                take(judge.add(result))
        except KeyboardInterrupt:
            if options.follow is None:
                raise
        take(judge.finish())
        return _answer(timeline, video, judge, run.dropped, options, on_step)


def _run(
    predictor: Predictor, video: VideoSource, options: VideoOptions, on_frame: Callable[[Frame], None] | None
) -> FrameRun:
    frames = video.frames() if on_frame is None else _watched(video.frames(), on_frame)
    max_lag = None if options.follow is None else options.follow.max_lag
    return FrameRun(
        predictor,
        frames,
        options.workers,
        max_lag=max_lag,
        most_windows=options.most_windows,
        on_leave=video.stop,
    )


def _watched(frames: Iterator[Frame], on_frame: Callable[[Frame], None]) -> Iterator[Frame]:
    for frame in frames:
        on_frame(frame)
        yield frame


def _answer(
    timeline: Timeline,
    video: VideoSource,
    judge: TemporalJudge,
    dropped: int,
    options: VideoOptions,
    on_step: Callable[[FrameEvent], None] | None,
) -> VideoPrediction:
    events = timeline.finish(*_last_frame(timeline, video, options.sampling))
    first, last = timeline.first, timeline.last
    if first is None or last is None:
        raise InputError(str(video.damage or _nothing(options.sampling)))
    if events and on_step is not None:
        on_step(FrameEvent(info=video.info, result=last, events=events, is_frame=False))
    heads, curves = decided_over_time(timeline.heads()), timeline.curves()
    if COMBED in video.notes:
        heads = without_combing(heads)
    return VideoPrediction(
        path=video.info.path,
        width=first.prediction.width,
        height=first.prediction.height,
        frame_rate=video.info.frame_rate,
        start=first.time,
        end=timeline.end,
        frames=timeline.frames,
        dropped=dropped,
        windows=timeline.windows,
        backbone=first.prediction.backbone,
        heads=heads,
        families=families_over_time(heads, curves),
        curves=curves,
        error=str(video.damage) if video.damage else None,
        fast=timeline.fast,
        notes=tuple(dict.fromkeys((*timeline.remarks, *video.notes, *judge.notes(video.info.frame_rate)))),
        area=first.prediction.area,
        qualities=timeline.qualities(),
        unfamiliar=timeline.unfamiliar,
        reason=timeline.reason,
    )


def _last_frame(timeline: Timeline, video: VideoSource, sampling: Sampling) -> tuple[float | None, float | None]:
    """Return how long the last frame is shown, where that is known, and when it ends at the latest."""
    limit = min((end for end in (sampling.end, video.info.duration) if end is not None), default=None)
    if sampling.frames is None and video.end is not None and timeline.last is not None:
        end = video.end if sampling.end is None else min(video.end, sampling.end)
        if end > timeline.last.time:
            return end - timeline.last.time, None
    alone = timeline.frames == 1 and video.info.frame_rate
    return (1 / video.info.frame_rate if alone and video.info.frame_rate else None), limit


def _nothing(sampling: Sampling) -> str:
    if sampling.start == 0 and sampling.end is None:
        return "there is no frame in this video that can be decoded"
    return "no frame of this video is between --start and --end"
