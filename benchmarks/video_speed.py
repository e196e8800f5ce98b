"""Frames per second of `dheads predict` on video, and where the time goes.

    python benchmarks/video_speed.py [--sizes 512x288,1280x720] [--seconds 8] [--clip VIDEO] [--fast-windows K]

Makes its own clips: `--clip` scaled and encoded as H.264 (default: a synthetic scene); all bundled heads, every frame.
Prints for each size: frames/s end to end, by the clock, on all cores; CPU milliseconds a frame, which other processes
disturb less, in all and of each stage measured alone in one thread; frames/s of decoding alone; and the seconds from
the start of a fresh `dheads predict --csv -` to its first frame.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from distortion_heads import Predictor, predict_video
from distortion_heads._system.threads import usable_cores
from distortion_heads.backbones.read_views import beside
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.quality import QualityHeads
from distortion_heads.io.video.color import RgbConverter
from distortion_heads.io.video.options import FRAME_WINDOWS, VideoOptions
from distortion_heads.spec import FULL, LIGHT, VIEWS, View
from distortion_heads.views.light import with_light
from distortion_heads.views.scene import scene_of
from distortion_heads.views.traces import traces

T = TypeVar("T")

TARGETS = {(512, 288): 50.0, (1280, 720): 25.0}
"""Frames/s on two idle cores that issue 6 asks for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="512x288,1280x720")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the clips, at 25 frames/s")
    parser.add_argument("--clip", type=Path, help="a video to take the frames from")
    parser.add_argument("--fast-windows", type=int, default=FRAME_WINDOWS, help="of a frame at most (0: all)")
    arguments = parser.parse_args()
    print(f"{usable_cores()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes.split(","):
            width, height = map(int, size.split("x"))
            clip = Path(folder, f"{size}.mp4")
            make_clip(clip, width, height, round(arguments.seconds * 25), arguments.clip)
            report(clip, width, height, arguments.fast_windows or None)


def report(clip: Path, width: int, height: int, most: int | None) -> None:
    predictor = Predictor(threads=1)
    predictor.predict(np.zeros((height, width, 3), np.uint8))
    clock, cpu = time.perf_counter(), time.process_time()
    frames = predict_video(predictor, clip, VideoOptions(most_windows=most)).frames
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    target = TARGETS.get((width, height))
    wanted = f" (wanted: {target:.0f}, ratio {frames / clock / target:.2f})" if target else ""
    print(f"\n{width} x {height}, {frames} frames, {len(predictor.heads)} heads")
    print(f"  end to end        {frames / clock:7.1f} frames/s{wanted}")
    print(f"  CPU time          {1000 * cpu / frames:7.1f} ms a frame, at most {usable_cores() * frames / cpu:.1f}/s")
    parts = stages(predictor, clip, most)
    total = sum(parts.values())
    for name, milliseconds in parts.items():
        print(f"    {name:<15} {milliseconds:7.1f} ms  {milliseconds / total:4.0%}")
    print(f"  decoding alone    {1000 / (parts['decode'] + parts['to RGB']):7.1f} frames/s on one core")
    print(f"  first frame after {first_frame(clip):7.2f} s from a cold start")


def stages(predictor: Predictor, clip: Path, most: int | None, count: int = 24) -> dict[str, float]:
    """CPU milliseconds per frame of each stage, in one thread."""
    views: tuple[View, ...] = ("native", "overview")
    banks = {view: HeadBank([head for head in predictor.heads if head.view == view]) for view in (*VIEWS, FULL)}
    qualities = QualityHeads()
    for head in predictor.quality_heads:
        qualities.add(head)
    parts = dict.fromkeys(("decode", "to RGB", "scene", "native view", "overview", "light", "traces", "heads"), 0.0)

    def timed(name: str, work: Callable[[], T]) -> T:
        start = time.process_time()
        result = work()
        parts[name] += 1000 * (time.process_time() - start) / count
        return result

    convert = RgbConverter()
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        decoded = container.decode(stream)
        for _ in range(count):
            frame = timed("decode", lambda: next(decoded))
            pixels = timed("to RGB", lambda frame=frame: convert(frame))
            timed("scene", lambda pixels=pixels: scene_of(pixels))
            found = {
                view: timed(
                    name, lambda view=view, pixels=pixels: predictor.backbone.features(pixels, view, max_windows=most)
                )
                for view, name in zip(views, ("native view", "overview"), strict=True)
            }
            found[LIGHT] = timed("light", lambda pixels=pixels, found=found: with_light(found["overview"], pixels))
            picture = [found[LIGHT][0], timed("traces", lambda pixels=pixels: traces(pixels))]
            found[FULL] = beside(found["native"], np.concatenate(picture))
            for view, bank in banks.items():
                timed("heads", lambda bank=bank, features=found[view]: bank.answers(features))
            timed("heads", lambda found=found: qualities.judge(found))
    return parts


def first_frame(clip: Path) -> float:
    """Seconds from the start of `dheads` in a fresh process to the first row of its output."""
    start = time.perf_counter()
    command = [sys.executable, "-c", "from dheads_cli.main import main; main()", "predict", "--csv", "-", str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        seconds = time.perf_counter() - start
        process.kill()
    return seconds


def make_clip(target: Path, width: int, height: int, count: int, source: Path | None) -> None:
    pictures = scene(width, height) if source is None else from_video(source, width, height)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in islice(pictures, count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


def from_video(source: Path, width: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """The frames of a video, scaled; from the beginning again at its end."""
    for path in cycle([source]):
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(width, height, "rgb24").to_ndarray()


def scene(width: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """A smooth picture that moves, with grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    while True:
        for step in range(100):
            waves = [np.sin((x + 3 * step) / 31), np.cos(y / 23), np.sin((x + y - 2 * step) / 57)]
            picture = 120 + 80 * np.stack(waves, -1) + rng.normal(0, 3, (height, width, 1)).astype(np.float32)
            yield np.clip(picture, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
