"""The options of `dheads predict` for videos, and what is done with one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from dheads_cli.output.console import ResultStream, result_file
from dheads_cli.output.progress import REAL_TIME
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from dheads_cli.output.progress import Bar
    from dheads_cli.output.sinks import Sink
    from distortion_heads.io.inputs import Input, LeftOut
    from distortion_heads.io.video.options import VideoOptions
    from distortion_heads.pipeline import Predictor
    from distortion_heads.reports.timeline_plot import Thumbnails
    from distortion_heads.video.answers import VideoPrediction
    from distortion_heads.video.predict import FrameEvent

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--video", "as_video", is_flag=True, help="Take every PATH for a video; - is then a pipe of one."),
    click.option("--fps", type=float, metavar="N", help="Video: at most N frames of each second (default: all)."),
    click.option("--every", type=int, metavar="N", help="Video: every N-th frame."),
    click.option("--frames", type=int, metavar="K", help="Video: K frames, evenly spread."),
    click.option(
        "--every-window", is_flag=True, help="Video: read all windows of every frame, not 6 that change with the frame."
    ),
    click.option("--deinterlace", is_flag=True, help="Video: make whole frames of interlaced ones (bwdif)."),
    click.option("--start", metavar="TIME", help="Video: from this time on, as in 90, 1:30 or 1:02:30.5."),
    click.option("--end", metavar="TIME", help="Video: up to this time."),
    click.option("--low", type=float, metavar="X", help="Video: a segment lasts down to X times the threshold (0.7)."),
    click.option("--min-length", type=float, metavar="S", help="Video: no segment is shorter, in seconds (0.5)."),
    click.option("--merge-gap", type=float, metavar="S", help="Video: bridge gaps of at most this, in seconds (0.5)."),
    click.option("--jsonl-frames", metavar="FILE", help="Video: write one JSON object per frame."),
    click.option(
        "--submission", metavar="FILE", help="Video: write the answers in the format of the ICIP 2020 challenge."
    ),
    click.option("--plot", metavar="FILE", help="Video: draw the timeline of the one video (PNG, WebP, JPEG)."),
    click.option("--annotate", metavar="FILE", help="Video: write a copy of the one video with the labels in it."),
    click.option("--follow", is_flag=True, help="Video: read on as the file or pipe grows; tell events at once."),
    click.option("--patience", type=float, metavar="S", help="With --follow: end when nothing came for S seconds."),
    click.option("--max-lag", type=float, metavar="S", help="With --follow: drop frames when further behind (2)."),
    click.option(
        "--sequence-rate", type=float, metavar="N", help="Frames/s of numbered pictures, frame_%04d.png (25)."
    ),
    click.option(
        "--max-frames", type=click.IntRange(min=1), metavar="N", help="Video: stop after N frames (10 million)."
    ),
)


def video_options(command: F) -> F:
    """Add the options for videos; they arrive as further keyword arguments, for `VideoRequest`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    """The request of the command line for videos."""

    arguments: dict[str, Any]
    max_pixels: int | None
    fast_windows: int | None = None

    @property
    def all_videos(self) -> bool:
        return bool(self.arguments["as_video"])

    @property
    def follow(self) -> bool:
        return bool(self.arguments["follow"])

    def inputs(self, paths: Sequence[str], left_out: list[LeftOut]) -> Iterator[Input]:
        """Yield the inputs; with --video, - stands for itself. See `expand_inputs` for `left_out`."""
        from distortion_heads.io.inputs import Input, expand_inputs

        for path in paths:
            if self.all_videos and path == "-":
                yield Input("-")
            else:
                yield from expand_inputs([path], videos=True, left_out=left_out)

    def wants(self, item: Input) -> bool:
        """Return whether `item` is to be read as a video."""
        return self.all_videos or item.is_video

    def check(self, ctx: click.Context, inputs: Sequence[Input]) -> None:
        """Raise `click.UsageError` for options that do not fit each other or the inputs."""
        videos = [item for item in inputs if item.error is None and self.wants(item)]
        given = [name for name, value in self.arguments.items() if value not in (None, False)]
        if given and not videos and not any(item.error for item in inputs):
            raise click.UsageError(f"--{_name(given[0])} is for videos, and there is none", ctx)
        for name in ("plot", "annotate"):
            if self.arguments[name] is not None and len(videos) != 1:
                raise click.UsageError(f"--{name} is for one video, and there are {len(videos)}", ctx)
        if self.arguments["annotate"] is not None and (self.follow or videos[0].path == "-"):
            raise click.UsageError("--annotate reads the video twice: it needs a whole file", ctx)
        if not self.follow and (self.arguments["patience"] is not None or self.arguments["max_lag"] is not None):
            raise click.UsageError("--patience and --max-lag go with --follow", ctx)
        if self.follow and (len(videos) != 1 or self.arguments["frames"] is not None):
            raise click.UsageError("--follow is for one video, and not with --frames", ctx)
        for name in ("jsonl_frames", "submission", "plot", "annotate"):
            self._spare_inputs(ctx, name, inputs)

    def _spare_inputs(self, ctx: click.Context, name: str, inputs: Sequence[Input]) -> None:
        target = self.arguments[name]
        if target is not None and any(os.path.realpath(item.path) == os.path.realpath(target) for item in inputs):
            raise click.UsageError(f"--{_name(name)} {target} would overwrite an input: name another file", ctx)

    def options(self, ctx: click.Context) -> VideoOptions:
        """Return the options as the library has them. Raises `click.UsageError`."""
        from distortion_heads.io.video.options import Follow, Sampling, SegmentRule, VideoOptions
        from distortion_heads.io.video.sampling import parse_time

        a = self.arguments
        try:
            sampling = _given(Sampling, fps=a["fps"], every=a["every"], frames=a["frames"], **_times(a, parse_time))
            rule = _given(SegmentRule, low=a["low"], min_length=a["min_length"], merge_gap=a["merge_gap"])
            follow = _given(Follow, patience=a["patience"], max_lag=a["max_lag"]) if self.follow else None
            options = _given(
                VideoOptions,
                sampling=sampling,
                rule=rule,
                follow=follow,
                sequence_rate=a["sequence_rate"],
                max_frames=a["max_frames"],
                max_pixels=self.max_pixels,
                most_windows=self.fast_windows,
                deinterlace=a["deinterlace"],
            )
            return replace(options, most_windows=None) if a["every_window"] else options
        except DheadsError as error:
            raise click.UsageError(str(error), ctx) from None


def _times(arguments: dict[str, Any], parse: Callable[[str], float]) -> dict[str, float]:
    return {name: parse(arguments[name]) for name in ("start", "end") if arguments[name] is not None}


T = TypeVar("T")


def _given(kind: Callable[..., T], **values: Any) -> T:
    """Return `kind` of the values that were given, with its own defaults for the rest."""
    return kind(**{name: value for name, value in values.items() if value is not None})


def _name(argument: str) -> str:
    return {"as_video": "video"}.get(argument, argument).replace("_", "-")


class Videos:
    """Predicts videos and writes all that is asked for about them."""

    def __init__(
        self, request: VideoRequest, options: VideoOptions, predictor: Predictor, sink: Sink, show_all: bool
    ) -> None:
        self.request, self._options, self._predictor = request, options, predictor
        self._sink, self._show_all = sink, show_all
        self._frames: ResultStream | None = None
        self._place = ""

    @contextmanager
    def frame_file(self) -> Iterator[None]:
        """Keep the file of --jsonl-frames open. Raises `DheadsError`."""
        name = self.request.arguments["jsonl_frames"]
        if name is None:
            yield
            return
        with result_file(name) as self._frames:
            yield

    def predict(self, path: str, bar: Bar, place: str = "") -> VideoPrediction:
        """Predict one video and write its results; `place` says which of all inputs. Raises `DheadsError`."""
        from distortion_heads.video.predict import predict_video

        self._place = place
        thumbnails = self._thumbnails()
        prediction = predict_video(
            self._predictor,
            sys.stdin.buffer if path == "-" else path,
            self._options,
            on_step=lambda step: self._step(path, step, bar),
            on_frame=None if thumbnails is None else thumbnails.add,
        )
        with bar.hidden():
            self._sink.video(path, prediction)
        self._plot(prediction, thumbnails)
        self._annotate(prediction, bar)
        return prediction

    def _thumbnails(self) -> Thumbnails | None:
        if self.request.arguments["plot"] is None:
            return None
        from distortion_heads.reports.timeline_plot import Thumbnails

        return Thumbnails()

    def _step(self, path: str, step: FrameEvent, bar: Bar) -> None:
        from distortion_heads.reports.pictures import to_json_line
        from distortion_heads.reports.videos import frame_to_dict

        end, start = self._options.sampling.end, self._options.sampling.start
        length = min((value for value in (end, step.info.duration) if value is not None), default=0.0)
        frames = f"{step.result.index + 1} frames"
        bar.show(step.result.time - start, length - start, self._place, frames, REAL_TIME)
        if step.is_frame:
            self._sink.frame(path, step.result)
            if self._frames is not None:
                self._frames.write(f"{to_json_line(frame_to_dict(path, step.result))}\n")
        if self.request.follow and step.events:
            with bar.hidden():
                for event in step.events:
                    self._sink.event(path, event)

    def _plot(self, prediction: VideoPrediction, thumbnails: Thumbnails | None) -> None:
        target = self.request.arguments["plot"]
        if thumbnails is None or target is None:
            return
        from dheads_cli.output.sinks import shown_in_video
        from distortion_heads.reports.timeline_plot import draw_timeline

        answers = shown_in_video(prediction, show_all=True) if self._show_all else None
        picture = draw_timeline(prediction, thumbnails, answers)
        try:
            picture.save(target)
        except (OSError, ValueError) as error:
            raise DheadsError(f"cannot write {target}: {reason(error)}") from None

    def _annotate(self, prediction: VideoPrediction, bar: Bar) -> None:
        target = self.request.arguments["annotate"]
        if target is None:
            return
        from distortion_heads.reports.annotated_video import annotate_video

        length = prediction.end - prediction.start
        annotate_video(
            prediction,
            Path(cast(str, target)),
            self._options,
            lambda time: bar.show(time - prediction.start, length, "", "annotating", REAL_TIME),
        )
