"""Reports, the picture of the timeline, the annotated copy."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads import Predictor, VideoOptions, VideoPrediction, predict_video
from distortion_heads.errors import DheadsError
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.options import Frame
from distortion_heads.io.video.reader import open_video
from distortion_heads.reports.annotated_video import active_families, annotate_video, draw_labels
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.reports.timeline_plot import GAP, LEFT, MOST_THUMBS, RIGHT, ROW, WIDTH, Thumbnails, draw_timeline
from distortion_heads.reports.videos import FrameCsv, event_to_dict, frame_to_dict, video_to_dict
from distortion_heads.video.answers import Event, VideoQuality
from helpers.video_clips import grey, results_of, write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """4 s, bright from 1 to 2 s; odd sizes are for the annotated copy."""
    pictures = [grey(200 if 10 <= i < 20 else 40, 321, 181) for i in range(40)]
    return write_clip(tmp_path / "clip.mkv", pictures, codec="ffv1", pix_fmt="bgr0", rate=10)


@pytest.fixture
def answer(clip: Path, brightness: Predictor) -> VideoPrediction:
    return predict_video(brightness, clip)


def test_the_object_of_a_video_has_stable_keys(answer: VideoPrediction, clip: Path) -> None:
    found = json.loads(to_json_line(video_to_dict(answer)))
    assert list(found) == [
        *("path", "kind", "width", "height", "frame_rate", "start", "end", "frames", "windows", "backbone"),
        *("families", "heads"),
    ]
    assert (found["path"], found["kind"], found["frames"], found["end"]) == (str(clip), "video", 40, 4.0)
    (head,) = found["heads"]
    assert list(head) == [
        *(
            "label",
            "family",
            "probability",
            "threshold",
            "present",
            "severity",
            "share",
            "peak",
            "peak_time",
            "segments",
        )
    ]
    assert (head["share"], head["present"]) == (0.25, False)
    (segment,) = head["segments"]
    assert list(segment) == ["onset", "offset", "probability", "severity", "peak", "peak_time"]
    assert (segment["onset"], segment["offset"], segment["severity"]) == (1.0, 2.0, 3.0)
    (family,) = found["families"]
    same = [key for key in head if key not in ("label", "segments")]
    assert {key: family[key] for key in same} == {key: head[key] for key in same}
    (of_family,) = family["segments"]
    assert {key: of_family[key] for key in segment} == segment
    assert {kind["label"] for kind in of_family["kinds"]} == {"bright", "other"}
    assert sum(kind["share"] for kind in of_family["kinds"]) == pytest.approx(1)


def test_the_objects_of_frames_and_events(head: HeadFile, answer: VideoPrediction) -> None:
    (result,) = results_of(head, [0.25])
    assert frame_to_dict("a.mp4", result) == {
        "path": "a.mp4",
        "frame": 0,
        "time": 0.0,
        "probability": {"bright": 0.25},
        "severity": {"bright": 3.0},
    }
    segment = answer.heads[0].segments[0]
    onset = Event(kind="onset", label="bright", family="exposure", time=1.5, segment=segment)
    assert "offset" not in event_to_dict(None, onset)
    assert event_to_dict(None, onset)["kind"] == "onset"


def test_csv_has_a_row_per_frame_and_one_per_picture(head: HeadFile) -> None:
    stream = io.StringIO(newline="")
    report = FrameCsv(stream, ["bright"])
    for result in results_of(head, [0.25, 0.75]):
        report.write_frame("=clip.mp4", result)
        picture = result.prediction
    report.write(picture)
    report.write_error("=clip.mp4", "cannot be read from 0.20 s on")
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))
    assert [row["path"] for row in rows] == ["./=clip.mp4", "./=clip.mp4", "", "./=clip.mp4"]
    assert [(row["frame"], row["time"], row["bright"], row["bright_present"]) for row in rows] == [
        ("0", "0.0", "0.25", "false"),
        ("1", "0.1", "0.75", "true"),
        ("", "", "0.75", "true"),
        ("", "", "", ""),
    ]
    assert rows[3]["error"].startswith("cannot be read")


def test_two_columns_of_one_name_are_refused(head: HeadFile) -> None:
    with pytest.raises(DheadsError, match="'time'"):
        FrameCsv(io.StringIO(), ["time"])


def test_thumbnails_stay_few_and_evenly_spread() -> None:
    thumbnails = Thumbnails()
    for i in range(5000):
        thumbnails.add(Frame(index=i, time=i / 5, pixels=grey(i % 256)))
    times = [time for time, _ in thumbnails.kept]
    assert MOST_THUMBS / 2 - 1 <= len(times) < MOST_THUMBS
    assert np.ptp(np.diff(times)) < 1.0
    assert times[0] == 0
    assert 1000 - times[-1] < 2 * np.diff(times).max()


def test_the_timeline_marks_the_segment_and_shows_the_frames(answer: VideoPrediction, clip: Path) -> None:
    thumbnails = Thumbnails()
    video = open_video(clip, VideoOptions())
    for frame in video.frames():
        thumbnails.add(frame)
    video.close()
    pixels = np.asarray(draw_timeline(answer, thumbnails))
    assert pixels.shape[1] == WIDTH
    second = (WIDTH - LEFT - RIGHT) / 4
    dark_red = (np.abs(pixels.astype(int) - (176, 52, 20)) < 12).all(axis=2).any(axis=0)
    columns = np.flatnonzero(dark_red[LEFT : WIDTH - RIGHT])
    assert columns[0] == pytest.approx(second, abs=2)
    assert columns[-1] == pytest.approx(2 * second, abs=2)
    strip = pixels[60:110, LEFT : WIDTH - RIGHT].mean(axis=(0, 2))  # the thumbnails
    assert strip[round(1.5 * second)] == pytest.approx(200, abs=3)
    assert strip[round(3.5 * second)] == pytest.approx(40, abs=3)


def test_a_timeline_without_any_segment_still_has_rows(tmp_path: Path, brightness: Predictor) -> None:
    clip = write_clip(tmp_path / "dark.mp4", [grey(30)] * 5)
    answer = predict_video(brightness, clip)
    assert answer.relevant == ()
    assert draw_timeline(answer, Thumbnails()).height > draw_timeline(answer, Thumbnails(), []).height


def test_the_timeline_has_a_row_of_quality(answer: VideoPrediction) -> None:
    bins = answer.curves.values.shape[1]
    curve = np.full(bins, 5, np.float32)
    curve[: bins // 2] = 1
    quality = VideoQuality(
        label="quality", value=3.0, low=1.0, high=5.0, target="-", worst=1.0, worst_time=0.0, curve=curve
    )
    plain = draw_timeline(answer, Thumbnails(), [])
    drawn = np.asarray(draw_timeline(replace(answer, qualities=(quality,)), Thumbnails(), [])).astype(int)
    assert drawn.shape[0] - plain.height == ROW + GAP
    light = (np.abs(drawn - (250, 226, 208)) < 3).all(axis=2).sum(axis=0)
    middle = (LEFT + WIDTH - RIGHT) // 2
    assert light[LEFT + 4 : middle - 20].max() <= 1  # the least of the scale has no height
    assert light[middle + 20 : WIDTH - RIGHT - 4].min() > ROW / 2
    marked = np.flatnonzero((np.abs(drawn - (176, 52, 20)) < 12).all(axis=2).any(axis=0))
    assert marked[0] == pytest.approx(LEFT, abs=2)
    assert marked[-1] == pytest.approx(LEFT + (WIDTH - LEFT - RIGHT) / 4, abs=2)


def test_labels_are_burnt_in_while_their_segment_lasts(tmp_path: Path, clip: Path, answer: VideoPrediction) -> None:
    target = tmp_path / "annotated.mp4"
    told: list[float] = []
    annotate_video(answer, target, VideoOptions(), told.append)
    video = open_video(target, VideoOptions())
    frames = list(video.frames())
    video.close()
    assert [round(frame.time, 2) for frame in frames] == [i / 10 for i in range(40)]
    assert frames[0].pixels.shape == (182, 322, 3)
    assert len(told) == 40
    corner = [np.ptp(frame.pixels[:40, :100]) > 60 for frame in frames]
    assert corner == [10 <= i < 20 for i in range(40)]
    rest = [frame.pixels[60:, 150:].mean() for frame in frames]
    assert rest == [pytest.approx(200 if 10 <= i < 20 else 40, abs=3) for i in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotated.mp4", "clip.mkv"]


def test_an_unwritable_copy_is_an_error_and_leaves_nothing(tmp_path: Path, answer: VideoPrediction) -> None:
    for name in ("copy.unknown", "no/folder.mp4"):
        with pytest.raises(DheadsError, match="cannot write"):
            annotate_video(answer, tmp_path / name, VideoOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]


def test_active_families(answer: VideoPrediction) -> None:
    assert [len(active_families(answer, time)) for time in (0.9, 1.0, 1.9, 2.0)] == [0, 1, 1, 0]


def test_draw_labels_leaves_the_frame_alone() -> None:
    frame = grey(90, 320, 240)
    drawn = draw_labels(frame, ["jpeg", "white_noise"])
    assert np.ptp(frame) == 0
    assert np.ptp(drawn[:60, :150]) > 100
    assert np.ptp(drawn[100:]) == 0
    assert draw_labels(frame, []) is frame
    assert Image.fromarray(draw_labels(grey(90, 16, 16), ["a_very_long_label"])).size == (16, 16)
