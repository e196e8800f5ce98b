"""From a file to its prediction: order, events, threads, growing files."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from distortion_heads import Predictor, VideoOptions, predict_video
from distortion_heads._system.threads import HELPER
from distortion_heads.answers import Prediction
from distortion_heads.errors import InputError
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.growing import Lag
from distortion_heads.io.video.options import Follow, Frame, Sampling, SegmentRule
from distortion_heads.io.video.reader import open_video
from distortion_heads.video.frames import AHEAD, FrameRun
from distortion_heads.video.predict import FrameEvent, predict_frames
from distortion_heads.video.timeline import Timeline
from helpers.sessions import wait_until
from helpers.video_clips import BrightnessPredictor, Picture, grey, steps, write_clip


def bright_from_to(onset: int, offset: int, count: int) -> list[Picture]:
    return [grey(200 if onset <= i < offset else 40) for i in range(count)]


def test_a_bright_interval_is_one_segment_to_the_frame(tmp_path: Path, brightness: Predictor) -> None:
    clip = write_clip(tmp_path / "clip.mp4", bright_from_to(20, 50, 80), rate=25)
    events = []
    found = predict_video(brightness, clip, on_step=lambda step: events.extend(step.events))
    (head,) = found.heads
    (segment,) = head.segments
    assert (segment.onset, segment.offset) == (pytest.approx(20 / 25), pytest.approx(50 / 25))
    assert segment.peak == pytest.approx(200 / 255, abs=0.02)
    assert segment.severity == pytest.approx(3.0)
    assert head.share == pytest.approx(30 / 80)
    assert head.probability == pytest.approx((30 * 200 + 50 * 40) / 80 / 255, abs=0.01)
    assert (found.frames, found.width, found.height, found.windows) == (80, 64, 48, 1)
    assert (found.start, found.end) == (0.0, pytest.approx(3.2))
    assert (found.error, found.dropped, found.path) == (None, 0, str(clip))
    assert [event.kind for event in events] == ["onset", "offset"]
    assert found.relevant == (head,)
    assert found.present == ()
    assert found.summary.heads[0].probability == head.probability


def test_a_frame_gets_the_answer_of_a_picture(tmp_path: Path) -> None:
    """One grid of windows per frame, as for pictures, bit for bit."""
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(3)]
    clip = write_clip(tmp_path / "clip.mp4", pictures)
    predictor = Predictor(["jpeg", "smoke", "white_noise"], threads=1)
    video = open_video(clip, VideoOptions())
    stills = [predictor.predict(frame.pixels) for frame in video.frames()]
    video.close()
    assert [result.prediction for result in predict_frames(predictor, clip)] == stills


def test_fewer_windows_are_read_where_that_is_asked_for(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (352, 640, 3)).astype(np.uint8)
    clip = write_clip(tmp_path / "clip.mp4", [picture] * 2)
    predictor = Predictor(["jpeg"], threads=1)
    few, all_of_them = (predict_video(predictor, clip, VideoOptions(most_windows=most)) for most in (2, None))
    assert (few.windows, few.fast) == (2, True)
    assert (all_of_them.windows > 2, all_of_them.fast) == (True, False)


def test_results_come_in_order_whichever_is_done_first(brightness: Predictor) -> None:
    class Uneven(BrightnessPredictor):
        def predict(self, pixels: Picture, *, most_windows: int | None = None) -> Prediction:
            time.sleep(0.02 if pixels[0, 0, 0] % 3 == 0 else 0)
            return super().predict(pixels)

    frames = [Frame(index=i, time=i / 10, pixels=grey(i)) for i in range(30)]
    run = FrameRun(cast(Predictor, Uneven(brightness.heads[0])), frames, workers=4)
    results = list(run)
    assert [result.index for result in results] == list(range(30))
    assert [round(result.prediction.heads[0].probability * 255) for result in results] == list(range(30))


def test_few_frames_are_in_memory_however_slow_the_reader_of_results_is(brightness: Predictor) -> None:
    made = 0

    def frames() -> Iterator[Frame]:
        nonlocal made
        for i in range(100):
            made += 1
            yield Frame(index=i, time=i / 10, pixels=grey(0))

    workers = 2
    for taken, _ in enumerate(FrameRun(brightness, frames(), workers), 1):
        assert made <= taken + workers * (1 + AHEAD) + 1
        time.sleep(0.001)
    assert made == 100


def test_leaving_early_ends_the_threads(tmp_path: Path, brightness: Predictor) -> None:
    clip = write_clip(tmp_path / "clip.mp4", steps(40))
    results = predict_frames(brightness, clip)
    next(results)
    started = [thread for thread in threading.enumerate() if thread.name.startswith(HELPER)]
    assert started
    results.close()  # type: ignore[attr-defined]
    wait_until(lambda: not any(thread.is_alive() for thread in started))


def test_an_error_of_the_predictor_is_raised(tmp_path: Path, brightness: Predictor) -> None:
    class Failing(BrightnessPredictor):
        def predict(self, pixels: Picture, *, most_windows: int | None = None) -> Prediction:
            if pixels.mean() > 90:
                raise InputError("too bright")
            return super().predict(pixels)

    clip = write_clip(tmp_path / "clip.mp4", steps(30))
    with pytest.raises(InputError, match="too bright"):
        predict_video(cast(Predictor, Failing(brightness.heads[0])), clip)


def test_damage_is_told_with_the_answer_for_the_rest(tmp_path: Path, brightness: Predictor) -> None:
    path = write_clip(tmp_path / "whole.mp4", steps(40), container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-600])
    found = predict_video(brightness, path)
    assert 5 < found.frames < 40
    assert found.error is not None
    assert found.error.startswith("cannot be read from ")


def test_no_frame_in_the_range_is_an_error(tmp_path: Path, brightness: Predictor) -> None:
    clip = write_clip(tmp_path / "clip.mp4", steps(5))
    with pytest.raises(InputError, match="no frame of this video is between --start and --end"):
        predict_video(brightness, clip, VideoOptions(sampling=Sampling(start=60)))


def grow(path: Path, pictures: list[Picture], rate: int, pause: float) -> None:
    """Write a transport stream as a recorder does: a few frames, a pause."""
    with path.open("ab", buffering=0) as stream, av.open(stream, "w", format="mpegts") as container:
        video = container.add_stream("mpeg2video", rate=rate)
        video.width, video.height, video.pix_fmt, video.gop_size = 64, 48, "yuv420p", 5
        video.max_b_frames = 0
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = i
            container.mux(video.encode(frame))
            if i % 25 == 24:
                time.sleep(pause)
        container.mux(video.encode(None))


def test_a_growing_file_is_followed_and_events_come_while_it_grows(tmp_path: Path, brightness: Predictor) -> None:
    path = tmp_path / "growing.ts"
    pictures = bright_from_to(20, 60, 200)
    path.touch()
    writer = threading.Thread(target=grow, args=(path, pictures, 25, 0.1))
    told: dict[str, bool] = {}

    def note(step: FrameEvent) -> None:
        for event in step.events:
            told[event.kind] = writer.is_alive()

    writer.start()
    while path.stat().st_size == 0:
        time.sleep(0.01)
    options = VideoOptions(follow=Follow(patience=0.7, max_lag=60))
    found = predict_video(brightness, path, options, on_step=note)
    writer.join()
    assert told == {"onset": True, "offset": True}
    assert found.frames == 200
    (segment,) = found.heads[0].segments
    assert segment.onset == pytest.approx(20 / 25, abs=0.05)
    assert segment.offset == pytest.approx(60 / 25, abs=0.05)


def test_lag_is_measured_against_the_stream_and_not_against_a_faster_past() -> None:
    lag = Lag()
    assert [lag.behind(frame, now) for frame, now in [(0, 10.0), (1, 10.1), (2, 10.2)]] == [0, 0, 0]
    assert lag.behind(3, 14.2) == pytest.approx(3.0)
    assert lag.behind(7, 15.2) == pytest.approx(0.0)


def test_frames_are_dropped_when_the_answers_fall_behind(head: HeadFile) -> None:
    class Slow(BrightnessPredictor):
        def predict(self, pixels: Picture, *, most_windows: int | None = None) -> Prediction:
            time.sleep(0.05)
            return super().predict(pixels)

    def live() -> Iterator[Frame]:
        """A camera at 100 frames/s."""
        start = time.monotonic()
        for i in range(60):
            time.sleep(max(0.0, start + i / 100 - time.monotonic()))
            yield Frame(index=i, time=i / 100, pixels=grey(40))

    run = FrameRun(cast(Predictor, Slow(head)), live(), workers=1, max_lag=0.1)
    results = list(run)
    assert run.dropped > 5
    assert len(results) + run.dropped == 60


def test_the_memory_for_a_long_video_is_that_for_a_short_one(brightness: Predictor) -> None:
    def peak(count: int) -> int:
        pixels = grey(40)
        frames = (Frame(index=i, time=i / 25, pixels=pixels) for i in range(count))
        timeline = Timeline(brightness.heads, SegmentRule())
        tracemalloc.start()
        for result in FrameRun(brightness, frames, workers=1):
            timeline.add(result)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(50)
    assert peak(1500) < peak(300) + 50_000


def test_a_predictor_is_any_with_heads_and_predict(brightness: Any, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", steps(3))
    assert predict_video(brightness, clip).frames == 3
