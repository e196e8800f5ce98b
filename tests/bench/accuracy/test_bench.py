"""`dheads bench accuracy`: whole runs on tiny pictures with three heads of random weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads._system import processes
from distortion_heads.bench.accuracy import bench as bench_accuracy_module
from distortion_heads.bench.accuracy import samples
from distortion_heads.bench.accuracy.bench import BenchOptions, bench_accuracy, find_pictures, read_sources
from distortion_heads.bench.accuracy.samples import AccuracyPlan, draw_cases
from distortion_heads.bench.shared import options as shared_options
from distortion_heads.errors import DataError, UnknownHeadError
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import View
from helpers.contracts import assert_valid
from helpers.tiny_registry import TinyRegistry, write_heads

LABELS = ("white_noise", "jpeg", "brighten")
VERSIONS = 1 + 5 * len(LABELS) + 2 * 2
VIEWS: dict[str, View] = dict.fromkeys(LABELS, "overview")
"""The overview of a tiny picture is much smaller than a native window."""


@pytest.fixture
def registry(tmp_path: Path) -> TinyRegistry:
    return write_heads(tmp_path / "weights", VIEWS, seed=1)


@pytest.fixture
def options(tmp_path: Path) -> BenchOptions:
    folder = tmp_path / "clean"
    folder.mkdir()
    y, x = np.mgrid[0:48, 0:64]
    for i, name in enumerate(("sea_1", "sea_2", "land_1", "land_2")):
        image = np.stack([128 + 90 * np.sin(x / (3 + i)), 128 + 90 * np.cos(y / 5), 4 * y + 0 * x], -1)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{name}.png")
    return BenchOptions(images=folder, out=tmp_path / "out", plan=AccuracyPlan(seed=3, mixtures=2))


@pytest.fixture(autouse=True)
def no_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than all else; one test draws them."""
    if "plots" not in request.node.name:
        monkeypatch.setattr(bench_accuracy_module, "draw_plots", lambda report: {})


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The picture files that are really measured, not read from the cache."""
    seen: list[bytes] = []
    original = samples.measure_picture

    def spy(data: bytes, *rest: object) -> object:
        seen.append(data)
        return original(data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(samples, "measure_picture", spy)
    return seen


def test_a_run_writes_the_whole_report_with_plots(options: BenchOptions, registry: TinyRegistry) -> None:
    calls: list[tuple[int, int]] = []
    options = replace(options, command="dheads bench accuracy --images clean")
    report = bench_accuracy(options, make_registry=registry, progress=lambda *call: calls.append(call))
    assert calls == [(i, 4) for i in range(5)]
    assert {file.name for file in options.out.iterdir()} == {
        "auroc.png", "cache", "confusion.png", "reliability.png", "report.json", "report.md",
    }  # fmt: skip
    for plot in options.out.glob("*.png"):
        Image.open(plot).verify()
    content = json.loads((options.out / "report.json").read_text())
    assert_valid("bench", content)
    assert content["figures"]["versions"] == report.figures.versions == 4 * VERSIONS
    assert [head["label"] for head in content["figures"]["heads"]] == list(LABELS)
    assert content["figures"]["heads"][0]["detection"]["2-5"]["n"] == 4 * 4
    assert content["figures"]["mixtures"]["two"]["n"] == content["figures"]["mixtures"]["three"]["n"] == 4 * 2
    assert {source: figures["pictures"] for source, figures in content["sources"].items()} == {"land": 2, "sea": 2}
    assert content["nine"] is None
    text = (options.out / "report.md").read_text()
    assert "dheads bench accuracy --images clean" in text
    assert all(f"| {label} |" in text for label in (*LABELS, "sea", "land"))


def test_two_processes_give_the_same_report_as_one(options: BenchOptions, registry: TinyRegistry) -> None:
    options = replace(options, limit=2)
    one = bench_accuracy(options, make_registry=registry)
    two = bench_accuracy(replace(options, jobs=2, out=options.out / "two"), make_registry=registry)
    assert one == two


def test_a_run_that_was_stopped_goes_on(
    options: BenchOptions, registry: TinyRegistry, measured: list[bytes], tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench_accuracy(options, make_registry=registry, progress=stop)
    assert len(measured) == 3
    resumed = bench_accuracy(options, make_registry=registry)
    assert len(measured) == len(set(measured)) == 4
    assert resumed == bench_accuracy(replace(options, out=tmp_path / "fresh"), make_registry=registry)


def test_a_damaged_cache_file_is_measured_again(
    options: BenchOptions, registry: TinyRegistry, measured: list[bytes]
) -> None:
    before = bench_accuracy(options, make_registry=registry)
    next((options.out / "cache").iterdir()).write_bytes(b"rubbish")
    assert bench_accuracy(options, make_registry=registry) == before
    assert len(measured) == 5


@pytest.mark.parametrize("change", ["head", "seed"])
def test_what_has_changed_is_not_taken_from_the_cache(
    options: BenchOptions, registry: TinyRegistry, measured: list[bytes], change: str
) -> None:
    options = replace(options, limit=1)
    before = bench_accuracy(options, make_registry=registry)
    if change == "head":
        write_heads(registry.folder, VIEWS, seed=50)
        processes._made.cache_clear()
    else:
        options = replace(options, plan=replace(options.plan, seed=4))
    after = bench_accuracy(options, make_registry=registry)
    assert len(measured) == 2
    assert after.figures.heads != before.figures.heads


def test_only_the_heads_asked_for_are_measured(options: BenchOptions, registry: TinyRegistry) -> None:
    options = replace(options, heads=("jpeg", "white_noise"), limit=2)
    report = bench_accuracy(options, make_registry=registry)
    assert [head.label for head in report.figures.heads] == ["jpeg", "white_noise"]
    assert report.figures.versions == 2 * (1 + 5 * 2 + 2)
    assert report.figures.mixtures["three"].n == 0


def test_a_picture_that_cannot_be_read_leaves_the_others_alone(options: BenchOptions, registry: TinyRegistry) -> None:
    (options.images / "broken.png").write_text("no picture")
    report = bench_accuracy(options, make_registry=registry)
    assert report.figures.pictures == 4
    (sentence,) = report.setting.unreadable
    assert "broken.png" in sentence
    assert sentence in (options.out / "report.md").read_text()


def test_a_head_without_generator_is_left_out(options: BenchOptions, registry: TinyRegistry) -> None:
    mute = replace(registry, mute="jpeg")
    report = bench_accuracy(replace(options, limit=1), make_registry=mute)
    assert [head.label for head in report.figures.heads] == ["white_noise", "brighten"]
    assert report.setting.left_out == ("head 'jpeg' has no generator",)


def _no_folder(options: BenchOptions) -> BenchOptions:
    return replace(options, images=options.images / "missing")


def _nothing_readable(options: BenchOptions) -> BenchOptions:
    for picture in options.images.iterdir():
        picture.write_text("no picture")
    return options


def _file_for_folder(options: BenchOptions) -> BenchOptions:
    options.out.write_text("in the way")
    return options


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(_no_folder, "no such file"), (_nothing_readable, "none of the pictures"), (_file_for_folder, "another --out")],
)
def test_what_is_wrong_is_said_in_one_line(
    options: BenchOptions,
    registry: TinyRegistry,
    spoil: Callable[[BenchOptions], BenchOptions],
    message: str,
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        bench_accuracy(spoil(options), make_registry=registry)
    assert "\n" not in str(caught.value)


def test_heads_that_cannot_be_measured_are_refused_by_name(options: BenchOptions, registry: TinyRegistry) -> None:
    with pytest.raises(UnknownHeadError, match="'rain'"):
        bench_accuracy(replace(options, heads=("rain",)), make_registry=registry)
    with pytest.raises(DataError, match="'jpeg' has no generator"):
        bench_accuracy(replace(options, heads=("jpeg",)), make_registry=replace(registry, mute="jpeg"))


def test_cases_of_a_picture() -> None:
    specs = [head.spec for head in build_registry(environ={"DHEADS_LOAD_PLUGINS": ""}).heads.values()]
    cases = draw_cases(specs, AccuracyPlan(seed=1, mixtures=6), "a picture")
    assert cases[0] == ()
    singles = [(step.spec.label, step.severity) for case in cases if len(case) == 1 for step in case]
    assert singles == [(spec.label, level) for spec in specs for level in (1, 2, 3, 4, 5)]
    for size in (2, 3):
        mixtures = [case for case in cases if len(case) == size]
        assert len(mixtures) == 6
        assert all(len({step.spec.family for step in case}) == size for case in mixtures)
        assert all(2 <= step.severity <= 5 for case in mixtures for step in case)
    assert cases == draw_cases(specs, AccuracyPlan(seed=1, mixtures=6), "a picture")
    assert cases != draw_cases(specs, AccuracyPlan(seed=1, mixtures=6), "another")


def test_a_limit_takes_always_the_same_pictures(options: BenchOptions) -> None:
    everything = find_pictures(options.images, None)
    assert [path.name for path in everything] == ["land_1.png", "land_2.png", "sea_1.png", "sea_2.png"]
    chosen = find_pictures(options.images, 2)
    assert len(chosen) == 2
    next(path for path in everything if path not in chosen).unlink()
    assert find_pictures(options.images, 2) == chosen


@pytest.mark.parametrize("beside", [True, False])
def test_sources_come_from_the_manifest_or_from_the_name(options: BenchOptions, beside: bool) -> None:
    folder = options.images
    manifest = (folder if beside else folder.parent) / "manifest.csv"
    prefix = "" if beside else "clean/"
    manifest.write_text(f"file,licence,source\n{prefix}sea_1.png,CC0-1.0,An archive\n{prefix}sea_2.png,CC0-1.0,\n")
    pictures = [folder / "land_1.png", folder / "sea_1.png", folder / "sea_2.png"]
    assert read_sources(pictures, folder) == ("land", "An archive", "sea")


def test_command_line(
    options: BenchOptions, registry: TinyRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dheads_cli.main import run

    monkeypatch.setenv("DHEADS_HOME", str(options.out / "home"))
    monkeypatch.setattr(shared_options.InstalledRegistry, "__call__", lambda self: registry())
    (options.images / "broken.png").write_text("no picture")
    arguments = ["--images", str(options.images), "--out", str(options.out), "--mixtures", "1", "--jobs", "1"]
    assert run(["bench", "accuracy", *arguments, "--heads", "jpeg, brighten"]) == 1
    shown = capsys.readouterr()
    assert "clean pictures on which no head fires" in shown.out
    assert str(options.out / "report.md") in shown.out
    assert "broken.png" in shown.err
    report = json.loads((options.out / "report.json").read_text())
    assert report["setting"]["command"] == (
        f"dheads bench accuracy --images {options.images} --heads 'jpeg, brighten' --mixtures 1 --seed 0"
    )
    assert report["figures"]["versions"] == 4 * (1 + 5 * 2 + 1)


def test_command_line_complains_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dheads_cli.main import run

    assert run(["bench", "accuracy", "--images", str(tmp_path / "missing")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert run(["bench", "accuracy"]) == 2


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    import subprocess

    code = (
        "import sys, distortion_heads.bench.accuracy.bench\n"
        "assert not {'matplotlib', 'sklearn', 'scipy', 'torch', 'onnxruntime'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
