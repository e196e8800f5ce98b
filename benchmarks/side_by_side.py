"""dheads predict beside three peers: the same pictures, one run, each contestant in a process of its own.

    python benchmarks/side_by_side.py PHOTOS --out docs/bench/side_by_side.md [--peers PYTHON]

The peers have an environment of their own (pip install pyiqa cleanvision), whose interpreter --peers names. A
contestant that is not installed is skipped, and the report says so. Contestants take turns; each round starts fresh
processes, reads one picture to warm up, then all of them, decoding included. The best round counts. Each has one thread
unless --threads says otherwise, and is compared in CPU time, which what else the machine does hardly changes. The
figures are written beside the report as JSON too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PAPER_HEADS = 3
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Run = Callable[[Sequence[str]], object]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """`what` is told in the report; `packages` it needs; a `peer` runs in the other environment."""

    name: str
    what: str
    packages: str = ""
    peer: bool = False


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of one round: seconds on the clock and of CPU time per picture, peak bytes, seconds to load."""

    seconds: float
    cpu: float
    peak: int
    load: float
    heads: int


CONTESTANTS = (
    Contestant(name="dheads", what="this package: `Predictor`, all attached heads, with severities"),
    Contestant(
        name="paper",
        what="the network of Ameur et al. 2022: DenseNet169 on six patches of 224, one 512-512 tower per head; torch, "
        "random weights",
        packages="distortion-heads[train]",
    ),
    Contestant(
        name="arniqa",
        what="pyiqa's ARNIQA: ResNet50 on the picture and on its half, linear regressor, one quality score; torch, "
        "random weights",
        packages="pyiqa",
        peer=True,
    ),
    Contestant(
        name="cleanvision",
        what="cleanvision's checks for blurry, light and dark pictures: features made by hand",
        packages="cleanvision",
        peer=True,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the report, Markdown")
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--limit", type=int, default=40, help="so many pictures, the first by name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    options = parser.parse_args()
    pictures = sorted(str(p) for p in options.images.iterdir() if p.suffix.lower() in (".png", ".jpg", ".webp"))
    pictures = pictures[: options.limit]
    if not pictures:
        parser.error(f"{options.images} holds no PNG, JPEG or WebP pictures")
    if options.contestant:
        print(json.dumps(measure(options.contestant, pictures, options.threads)))
        return
    found, skipped = take_turns(options, CONTESTANTS)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(to_markdown(options, len(pictures), found, skipped))
    content = {"pictures": len(pictures), "figures": {n: asdict(f) for n, f in found.items()}, "skipped": skipped}
    options.out.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")
    print(options.out.read_text())


def take_turns(
    options: argparse.Namespace, contestants: Sequence[Contestant]
) -> tuple[dict[str, Figures], dict[str, str]]:
    """The best round of each contestant, and why others have none."""
    found: dict[str, Figures] = {}
    skipped: dict[str, str] = {}
    for _ in range(options.rounds):
        for contestant in contestants:
            if contestant.name in skipped:
                continue
            result = start(options, contestant)
            if isinstance(result, str):
                skipped[contestant.name] = result
                print(f"{contestant.name} is skipped: {result}", file=sys.stderr)
                continue
            best = found.get(contestant.name, result)
            found[contestant.name] = Figures(
                **{name: min(getattr(best, name), value) for name, value in asdict(result).items()}
            )
    return found, skipped


def start(options: argparse.Namespace, contestant: Contestant) -> Figures | str:
    """One round in a process of its own; a sentence if the contestant is not installed or fails."""
    python = options.peers if contestant.peer else sys.executable
    command = [python, __file__, str(options.images), "--out", str(options.out)]
    command += ["--limit", str(options.limit), "--threads", str(options.threads)]
    environ = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(options.threads))}
    try:
        done = subprocess.run(
            [*command, "--contestant", contestant.name], capture_output=True, text=True, check=False, env=environ
        )
    except OSError as error:
        return f"{python} cannot be run: {error.strerror}"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed"])[-1]
        return f"{last} (pip install {contestant.packages})" if "ModuleNotFoundError" in last else last
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def measure(name: str, pictures: Sequence[str], threads: int) -> dict[str, Any]:
    """In the contestant's own process."""
    began = time.perf_counter()
    run, heads = {"dheads": _dheads, "paper": _paper, "arniqa": _arniqa, "cleanvision": _cleanvision}[name](threads)
    run(pictures[:1])
    load = time.perf_counter() - began
    cpu, start = _cpu(), time.perf_counter()
    run(pictures)
    seconds = time.perf_counter() - start
    figures = Figures(
        seconds=seconds / len(pictures),
        cpu=(_cpu() - cpu) / len(pictures),
        peak=_peak(),
        load=load,
        heads=heads,
    )
    return asdict(figures)


def _dheads(threads: int) -> tuple[Run, int]:
    from distortion_heads import Predictor

    predictor = Predictor(threads=threads)
    return lambda paths: list(predictor.predict_many(paths)), len(predictor.heads)


def _paper(threads: int) -> tuple[Run, int]:
    import torch

    from distortion_heads.bench.scalability.towers import TowerNetwork, tower
    from distortion_heads.io.images import load_image

    torch.set_num_threads(threads)
    network = TowerNetwork([tower().eval() for _ in range(PAPER_HEADS)])
    return lambda paths: [network.predict(load_image(path), PAPER_HEADS) for path in paths], PAPER_HEADS


def _arniqa(threads: int) -> tuple[Run, int]:
    """The class of pyiqa without its constructor, which downloads weights."""
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from pyiqa.archs.arniqa_arch import ARNIQA
    from torch import nn

    torch.set_num_threads(threads)
    model = ARNIQA.__new__(ARNIQA)
    nn.Module.__init__(model)
    resnet = torchvision.models.resnet50(weights=None)
    model.regressor_dataset = "koniq"
    model.feat_dim = resnet.fc.in_features
    model.encoder = nn.Sequential(*list(resnet.children())[:-1])
    model.regressor = nn.Linear(2 * model.feat_dim, 1)
    model.default_mean = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
    model.default_std = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    model.eval()

    @torch.inference_mode()
    def run(paths: Sequence[str]) -> None:
        for path in paths:
            pixels = np.asarray(Image.open(path).convert("RGB"))
            model(torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255)

    return run, 1


def _cleanvision(threads: int) -> tuple[Run, int]:
    import logging
    import warnings

    from cleanvision.imagelab import Imagelab

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    checks: dict[str, dict[str, object]] = {"blurry": {}, "light": {}, "dark": {}}

    def run(paths: Sequence[str]) -> None:
        lab = Imagelab(filepaths=list(paths), verbose=False)
        lab.find_issues(checks, n_jobs=threads, verbose=False)

    return run, len(checks)


def _cpu() -> float:
    """Seconds of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak() -> int:
    """Bytes: the most that this process ever held."""
    try:
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    except OSError:  # elsewhere than on Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def to_markdown(options: argparse.Namespace, count: int, found: dict[str, Figures], skipped: dict[str, str]) -> str:
    ours = found.get("dheads")
    about = {contestant.name: contestant.what for contestant in CONTESTANTS}
    lines = [
        "# Side by side",
        "",
        f"    python benchmarks/side_by_side.py {_public(options.images)} --out docs/bench/side_by_side.md",
        "",
        f"{count} pictures, decoding included; {options.threads} thread{'s' * (options.threads > 1)} each, Python"
        f" {platform.python_version()}; the best of {options.rounds} rounds in which the contestants take turns, each"
        " in a process of its own. Compared in CPU time, which what else the machine does hardly changes.",
        "",
        "| contestant | heads | CPU s per picture | pictures/s by that | s on the clock | peak MiB | load s | CPU time"
        " : dheads |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, figures in found.items():
        cells = [
            name,
            str(figures.heads),
            f"{figures.cpu:.3f}",
            f"{1 / figures.cpu:.2f}",
            f"{figures.seconds:.3f}",
            f"{figures.peak / 2**20:.0f}",
            f"{figures.load:.1f}",
            "–" if ours is None else f"{figures.cpu / ours.cpu:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {name}: {about[name]}" for name in found)]
    lines += [f"- {name}: skipped, {why}" for name, why in skipped.items()]
    return "\n".join([*lines, "", "## Goals", "", *_goals(found)]) + "\n"


def _goals(found: dict[str, Figures]) -> list[str]:
    ours = found.get("dheads")
    lines = ["| goal | measured | reached |", "| --- | ---: | ---: |"]
    for name, text, least in (
        ("paper", "at least 15 times as fast as the paper's network, with more heads", 15.0),
        ("arniqa", "ahead of ARNIQA", 1.0),
        ("cleanvision", "within 3 times of cleanvision", 1 / 3),
    ):
        peer = found.get(name)
        if ours is None or peer is None:
            lines.append(f"| {text} | – | not measured |")
            continue
        ratio = peer.cpu / ours.cpu
        shown = f"{ratio:.2f}" if ratio >= 1 else f"{1 / ratio:.2f} times slower"
        lines.append(f"| {text} | {shown} | {'yes' if ratio >= least else '**no**'} |")
    return lines


def _public(folder: Path) -> str:
    """The path from the data folder on: what is above it is this machine's own."""
    parts = folder.parts
    return "/".join(parts[parts.index("data") :]) if "data" in parts else folder.name


if __name__ == "__main__":
    main()
