"""Where the time and the memory of `dheads predict` go. Prints Markdown tables; about four minutes on two idle cores.

    python benchmarks/speed.py [--write docs/performance.md] [--only stages,folder,size,settings,start]

`--write` replaces what stands between `<!-- speed -->` and `<!-- end -->` in a file. The pictures are made in a
temporary folder from one of the examples, enlarged, with noise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from speed_probe import SETTINGS, measured

from distortion_heads import Predictor
from distortion_heads._system.threads import usable_cores
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.onnx import OnnxEngine
from distortion_heads.heads.bank import HeadBank
from distortion_heads.io.images import load_image
from distortion_heads.reports.pictures import prediction_to_dict, to_json_line
from distortion_heads.views.windows import Canvas

EXAMPLE = Path(__file__).parents[1] / "examples" / "kitten_clean.jpg"
BEGIN, END = "<!-- speed -->", "<!-- end -->"
STAGES = ("decode", "colour", "windows", "backbone", "pooling", "light", "heads", "report", "rest")

Rows = list[Sequence[str]]


def main() -> None:
    sections: dict[str, Callable[[Path], str]] = {
        "stages": stages_table,
        "folder": folder_table,
        "size": size_table,
        "settings": settings_table,
        "start": start_table,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--only", default=",".join(sections))
    options = parser.parse_args()
    text = ""
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only.split(","):
            table = sections[name](Path(folder))
            print(table, flush=True)
            text += f"{table}\n"
    if options.write:
        before, _, rest = options.write.read_text(encoding="utf-8").partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")


def picture(folder: Path, width: int, height: int, suffix: str, seed: int = 0) -> Path:
    """An example, enlarged, with noise; made once."""
    path = folder / f"{width}x{height}_{seed}{suffix}"
    if not path.exists():
        with Image.open(EXAMPLE) as example:
            large = np.array(example.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
        rng = np.random.default_rng(seed)
        for top in range(0, height, 256):
            strip = large[top : top + 256]
            strip[:] = np.clip(strip + rng.normal(0, 4, strip.shape).astype(np.float32), 0, 255)
        Image.fromarray(large).save(path, quality=90)
    return path


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time, after one run to warm up."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


@dataclass
class Stopwatch:
    """Wall seconds by stage."""

    total: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def run(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = work(*arguments, **options)
            if isinstance(result, Iterator):
                result = iter(list(result))
            self.total[stage] += time.perf_counter() - start
            return result

        return run

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time the stages of the real thing, where they are called."""
        from contextlib import ExitStack

        import distortion_heads.backbones.cells as backbone_module
        import distortion_heads.io.images as images_module
        import distortion_heads.pipeline as pipeline_module

        places = (
            ("decode", ImageFile.ImageFile, "load"),
            ("colour", images_module, "upright_rgb"),
            ("windows", backbone_module, "overview_view"),
            ("windows", pipeline_module, "overview_view"),
            ("windows", Canvas, "crop"),
            ("backbone", OnnxEngine, "moments"),
            ("pooling", CellBackbone, "pool"),
            ("light", pipeline_module, "with_light"),
            ("heads", HeadBank, "answers"),
        )
        with ExitStack() as stack:
            for stage, owner, name in places:
                stack.enter_context(patch.object(owner, name, self.timed(stage, getattr(owner, name))))
            yield


def stages_of(path: Path, repeats: int) -> dict[str, float]:
    """Milliseconds by stage of one picture, on the mean; the time of all is under "all"."""
    predictor, watch = Predictor(), Stopwatch()
    predictor.predict(path)
    report = watch.timed("report", lambda prediction: to_json_line(prediction_to_dict(prediction)))
    start = time.perf_counter()
    with watch.watching():
        for _ in range(repeats):
            report(predictor.predict(path))
    total = time.perf_counter() - start
    found = {stage: 1e3 * watch.total[stage] / repeats for stage in STAGES}
    found["rest"] = 1e3 * total / repeats - sum(found.values())
    return {**found, "all": 1e3 * total / repeats}


def stages_table(folder: Path) -> str:
    kinds = {
        "512x384 PNG": stages_of(picture(folder, 512, 384, ".png"), 20),
        "512x288 PNG": stages_of(picture(folder, 512, 288, ".png"), 20),
        "4000x3000 JPEG": stages_of(picture(folder, 4000, 3000, ".jpg"), 2),
    }
    rows: Rows = [
        [stage, *(cell for found in kinds.values() for cell in (f"{found[stage]:.1f}", share(found, stage)))]
        for stage in (*STAGES, "all")
    ]
    return table("Where the time goes, one picture at a time (ms, share)", ["stage", *doubled(kinds)], rows)


def share(found: dict[str, float], stage: str) -> str:
    return f"{found[stage] / found['all']:.1%}"


def doubled(names: dict[str, Any]) -> list[str]:
    return [cell for name in names for cell in (name, "")]


def folder_rates(paths: Sequence[Path]) -> dict[str, float]:
    """Pictures a second: decoding alone, the backbone alone (both views), and all with the report.

    The backbone in two ways: picture by picture with all threads, and as many pictures as cores with one thread each.
    """
    predictor = Predictor()
    arrays = [load_image(path) for path in paths]

    def both_views(source: FeatureSource, pixels: NDArray[np.uint8]) -> None:
        source.features(pixels, "native")
        source.features(pixels, "overview")

    def one_by_one() -> None:
        for pixels in arrays:
            both_views(predictor.backbone, pixels)

    def side_by_side() -> None:
        with ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(partial(both_views, predictor.backbone.side_by_side()), arrays))

    def run_all() -> None:
        for prediction in predictor.predict_many(paths):
            assert not isinstance(prediction, Exception)
            to_json_line(prediction_to_dict(prediction))

    works = {
        "decode": lambda: [load_image(path) for path in paths],
        "backbone": one_by_one,
        "beside": side_by_side,
        "all": run_all,
    }
    return {name: len(paths) / seconds(work, 3) for name, work in works.items()}


def folder_table(folder: Path) -> str:
    kinds = {
        "512x384 PNG": folder_rates([picture(folder, 512, 384, ".png", seed) for seed in range(48)]),
        "4000x3000 JPEG": folder_rates([picture(folder, 4000, 3000, ".jpg", seed) for seed in range(3)]),
    }
    rows: Rows = [
        [
            name,
            *(f"{r[key]:.2f}" for key in r),
            *(f"{r['all'] / min(r['decode'], r[b]):.2f}" for b in ("backbone", "beside")),
        ]
        for name, r in kinds.items()
    ]
    heads = ["pictures", "decoding alone", "backbone, one by one", "backbone, side by side", "end to end"]
    heads += ["end to end / slower of decoding and one by one", "/ slower of decoding and side by side"]
    return table("A folder (pictures per second)", heads, rows)


def size_table(folder: Path) -> str:
    cases = [
        (512, 384, ".png", ""),
        (4000, 3000, ".jpg", ""),
        (12000, 8334, ".jpg", ""),
        (4000, 3000, ".jpg", "16"),
        (12000, 8334, ".jpg", "16"),
    ]
    rows: Rows = []
    for width, height, suffix, most in cases:
        path = picture(folder, width, height, suffix)
        wall, cpu, peak, windows = measured("predict", str(path), most or "all")
        megapixels = width * height / 1e6
        kind = "--fast" if most else "all windows"
        per = [f"{wall / megapixels:.3f}", f"{cpu / megapixels:.3f}", f"{peak / 2**20:.0f}"]
        rows.append([f"{width}x{height}", f"{megapixels:.1f}", kind, f"{windows:.0f}", *per])
    heads = ["picture", "megapixels", "read", "windows", "wall s / megapixel", "CPU s / megapixel", "peak RSS MiB"]
    return table("Size (a process each, decoding included)", heads, rows)


def settings_table(folder: Path) -> str:
    rows: Rows = []
    for name in SETTINGS:
        small = measured("engine", "384", "512", name)
        large = measured("engine", "1536", "1536", name)
        cells = [f"{1e3 * value:.1f}" for value in (small[0], small[1], large[0], large[1])]
        rows.append([name, *cells, f"{large[2] / 2**20:.0f}"])
    heads = ["setting", "512x384 wall ms", "CPU ms", "1536x1536 wall ms", "CPU ms", "peak RSS MiB"]
    return table("ONNX Runtime, one native view (a process each)", heads, rows)


LAUNCH = """
import sys
try:
    {work}
finally:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
"""
"""Does the work, then prints the peak memory in KiB; `getrusage` would count what it inherited from this process."""


DHEADS = "from dheads_cli.main import main; main()"


def start_table(folder: Path) -> str:
    path = str(picture(folder, 512, 384, ".png"))
    rows: Rows = []
    for name, work, arguments in (
        ("its libraries alone", "import numpy, PIL.Image, onnxruntime", []),
        ("dheads --help", DHEADS, ["--help"]),
        ("dheads predict", DHEADS, ["predict", path, "--json"]),
    ):
        taken, peaks = [], []
        for _ in range(6):
            start = time.perf_counter()
            command = [sys.executable, "-c", LAUNCH.format(work=work), *arguments]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            taken.append(time.perf_counter() - start)
            peaks.append(int(done.stderr.split()[-1]))
        rows.append([name, f"{median(taken):.2f}", f"{min(taken):.2f}", f"{max(peaks) / 1024:.0f}"])
    return table("Cold start", ["command", "median s", "least s", "peak RSS MiB"], rows)


def table(title: str, heads: Sequence[str], rows: Rows) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return f"\n### {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
