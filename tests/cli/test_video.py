"""`dheads predict` on videos: formats, choices, mixtures with pictures, exit status."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from helpers.command_line import COMMAND, Dheads, write_picture

BOTH = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def write_video(path: Path, count: int = 6, suffix_format: str | None = None) -> Path:
    """`count` noisy frames at 5 frames/s."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w", format=suffix_format) as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3)).astype(np.uint8))
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4")


def test_json_has_one_object_per_video_with_its_segments(dheads: Dheads, video: Path) -> None:
    result = dheads("predict", "--json", *BOTH, video)
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["path"], found["kind"], found["frames"]) == (str(video), "video", 6)
    always, never = found["heads"]
    assert (always["label"], always["share"], never["share"]) == ("always", 1.0, 0.0)
    assert [(s["onset"], s["offset"]) for s in always["segments"]] == [(0.0, 1.2)]
    assert never["segments"] == []


def test_pictures_in_a_folder_with_videos_keep_their_objects(dheads: Dheads, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    write_picture(folder / "a.png")
    write_video(folder / "b.mkv")
    found = [json.loads(line) for line in dheads("predict", "--json", *BOTH, folder).lines]
    assert [list(item)[:3] for item in found] == [["path", "width", "height"], ["path", "kind", "width"]]
    rows = dheads("predict", "--csv", "-", *BOTH, folder).lines
    assert [row.split(",")[1] for row in rows] == ["frame", "", *"012345"]


def test_frames_go_to_csv_and_to_json_lines(dheads: Dheads, video: Path, tmp_path: Path) -> None:
    table, lines = tmp_path / "frames.csv", tmp_path / "frames.jsonl"
    result = dheads("predict", "--every", "2", "--csv", table, "--jsonl-frames", lines, *BOTH, video)
    assert (result.code, result.out, result.err) == (0, "", "")
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["time"] for row in rows] == ["0.0", "0.4", "0.8"]
    assert [item["time"] for item in objects] == [0.0, 0.4, 0.8]
    assert [float(row["always"]) for row in rows] == [item["probability"]["always"] for item in objects]
    assert set(objects[0]["severity"]) == {"always"}


def test_plain_text_in_a_pipe(dheads: Dheads, video: Path) -> None:
    (line,) = dheads("predict", *BOTH, video).lines
    assert re.fullmatch(rf"{video}  odd   0.\d\d  severity \d.\d  always \d\d %  share 1.00  segments 0.00-1.20", line)
    assert dheads("predict", "--heads", "never_here", video).out.split() == [str(video), "clean"]


def test_a_pipe_of_encoded_video(video: Path, tmp_path: Path) -> None:
    stream = write_video(tmp_path / "clip.ts")
    done = subprocess.run(
        [*COMMAND, "predict", "--json", *BOTH, "--video", "-"],
        input=stream.read_bytes(),
        capture_output=True,
        timeout=60,
    )
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert (found["path"], found["kind"], found["frames"]) == ("-", "video", 6)


def test_follow_tells_events_and_then_the_video(dheads: Dheads, tmp_path: Path) -> None:
    stream = write_video(tmp_path / "clip.ts", 12)
    result = dheads("predict", "--json", "--follow", "--patience", "0.2", *BOTH, stream)
    found = [json.loads(line) for line in result.lines]
    assert [item["kind"] for item in found] == ["onset", "offset", "video"]
    assert [item["path"] for item in found] == [str(stream)] * 3
    assert dheads("predict", "--follow", "--patience", "0.2", *BOTH, stream).lines[0].endswith("begins")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a POSIX signal here")
def test_an_interrupt_ends_following_with_the_answer(tmp_path: Path) -> None:
    data = write_video(tmp_path / "clip.ts", 12).read_bytes()
    command = [*COMMAND, "predict", "--json", "--follow", *BOTH, "--video", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data)
        process.stdin.flush()
        kinds = [json.loads(process.stdout.readline())["kind"]]  # the pipe stays open
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        rest, errors = process.communicate()
    kinds += [json.loads(line)["kind"] for line in rest.splitlines()]
    assert kinds == ["onset", "offset", "video"]
    assert (process.returncode, errors) == (0, b"")


def test_numbered_pictures_are_one_video(dheads: Dheads, tmp_path: Path) -> None:
    for number in range(1, 5):
        write_picture(tmp_path / f"frame_{number:02d}.png", number)
    pattern = tmp_path / "frame_%02d.png"
    found = json.loads(dheads("predict", "--json", "--sequence-rate", "2", *BOTH, pattern).out)
    assert (found["kind"], found["frames"], found["end"]) == ("video", 4, 2.0)


def test_any_file_is_a_video_if_it_is_said_to_be(dheads: Dheads, tmp_path: Path) -> None:
    odd = write_video(tmp_path / "recording", suffix_format="matroska")
    assert "not an image" in dheads("predict", *BOTH, odd).error
    assert json.loads(dheads("predict", "--video", "--json", *BOTH, odd).out)["frames"] == 6


def test_plot_and_annotate(dheads: Dheads, video: Path, tmp_path: Path) -> None:
    picture, copy = tmp_path / "timeline.png", tmp_path / "copy.mp4"
    result = dheads("predict", *BOTH, "--plot", picture, "--annotate", copy, video)
    assert (result.code, result.err) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    with av.open(str(copy)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6


@pytest.mark.parametrize(("condition", "code"), [("always>=0", 1), ("odd>=0", 1), ("never_here>0.99999", 0)])
def test_fail_if_is_for_the_mean_of_a_video(dheads: Dheads, video: Path, condition: str, code: int) -> None:
    result = dheads("predict", "--fail-if", condition, *BOTH, video)
    assert result.code == code
    assert (str(video) in result.err) == bool(code)


def test_a_damaged_video_gives_what_there_is_and_exit_status_1(dheads: Dheads, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = dheads("predict", "--json", *BOTH, path)
    found = json.loads(result.out)
    assert result.code == 1
    assert 5 < found["frames"] < 35
    assert "s on: " in found["error"]
    result = dheads("predict", *BOTH, path)
    assert result.code == 1
    assert "s on: " in result.error
    assert result.lines


def test_a_broken_video_leaves_the_others_alone(dheads: Dheads, video: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    result = dheads("predict", "--json", *BOTH, broken, video)
    first, second = [json.loads(line) for line in result.lines]
    assert result.code == 1
    assert list(first) == ["path", "error"]
    assert second["frames"] == 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--fps", "2", "--every", "2", "VIDEO"), "--fps, --every or --frames"),
        (("--start", "soon", "VIDEO"), "is no time like"),
        (("--start", "5", "--end", "4", "VIDEO"), "--end must come after"),
        (("--low", "2", "VIDEO"), "--low must be"),
        (("--min-length", "nan", "VIDEO"), "must not be negative"),
        (("--sequence-rate", "0", "VIDEO"), "--sequence-rate must be above 0"),
        (("--follow", "--max-lag", "-1", "VIDEO"), "must be above 0"),
        (("--plot", "a.png", "VIDEO", "VIDEO"), "--plot is for one video, and there are 2"),
        (("--fps", "2", "PICTURE"), "--fps is for videos"),
        (("--annotate", "VIDEO", "VIDEO"), "would overwrite an input"),
        (("--csv", "VIDEO", "VIDEO"), "would overwrite"),
        (("--follow", "--annotate", "a.mp4", "VIDEO"), "needs a whole file"),
        (("--patience", "2", "VIDEO"), "go with --follow"),
        (("--follow", "--frames", "2", "VIDEO"), "not with --frames"),
    ],
)
def test_wrong_usage(dheads: Dheads, video: Path, pictures: list[Path], arguments: tuple[str, ...], says: str) -> None:
    names = {"VIDEO": str(video), "PICTURE": str(pictures[0])}
    result = dheads("predict", *BOTH, *(names.get(word, word) for word in arguments))
    assert (result.code, result.out) == (2, "")
    assert says in result.error
    assert video.stat().st_size > 100


def test_pictures_alone_do_not_load_pyav(pictures: list[Path]) -> None:
    script = "import sys; from dheads_cli.main import run; code = run(sys.argv[1:]); print('av' in sys.modules)"
    done = subprocess.run(
        [COMMAND[0], "-c", script, "predict", *BOTH, str(pictures[0])], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "False"
