"""The scalability bench in miniature: each part on small networks, few heads and few pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from helpers.little_networks import write_scenes
from helpers.sample_heads import make_head

pytest.importorskip("torch")
pytest.importorskip("torchvision")

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.bench.scalability import cost as costs_module
from distortion_heads.bench.scalability.attach import NewHead, measure_forgetting
from distortion_heads.bench.scalability.bench import bench_scalability
from distortion_heads.bench.scalability.cost import Cost, Costs, _extended, run_probe, write_heads, write_picture
from distortion_heads.bench.scalability.incremental import LateHead, Score
from distortion_heads.bench.scalability.options import ScalabilityOptions
from distortion_heads.bench.scalability.pictures import PictureSet, make_pictures
from distortion_heads.bench.scalability.plots import draw_plots
from distortion_heads.bench.scalability.probe import Found, Job, typical
from distortion_heads.bench.scalability.report import (
    ScalabilityReport,
    Setting,
    best_gaps,
    like_gaps,
    memory_growth,
    report_to_dict,
    to_markdown,
)
from distortion_heads.bench.scalability.towers import FEATURES, patches, tower
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.kept import once
from distortion_heads.datasets.own_data import read_data
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.images import load_image
from distortion_heads.registry.build import Registry, build_registry


def silent(stage: str, done: float, total: float) -> None:
    pass


@pytest.fixture(scope="module")
def registry() -> Registry:
    return build_registry(no_plugins=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("clean"), 16, fine=9, size=(280, 260))


@pytest.fixture(scope="module")
def head() -> HeadFile:
    ref = read_backbone(bundled_backbone().weights).ref
    return make_head("jpeg", dim=ref.dim, hidden=(4,), backbone=ref)


def late(label: str, offset: float) -> LateHead:
    joint = Score(auroc=0.95, f1=0.9)
    scores = {n: Score(auroc=0.95 - offset / n, f1=0.8) for n in (20, 500, 2000)}
    fresh = {n: Score(auroc=score.auroc + 0.01, f1=0.8) for n, score in scores.items()}
    return LateHead(label=label, late=scores, fresh=fresh, joint=joint)


def cost(design: str, heads: int, seconds: float, peak: int = 0, load: float = 0.5) -> Cost:
    return Cost(
        design=design,  # type: ignore[arg-type]
        heads=heads,
        seconds=seconds,
        wall=seconds,
        load=load,
        peak=peak,
        per_picture=1,
        disk=heads,
    )


@pytest.fixture
def report() -> ScalabilityReport:
    setting = Setting(
        command="dheads bench scalability --images clean",
        backbone="tiny@0123",
        cores=2,
        bank=("jpeg", "white_noise"),
        widths=(4, 4, 4, 4, 4),
        steps=3,
        batch=8,
        sizes=(20, 500, 2000),
        test_pictures=20,
        seed=0,
    )
    rows = [cost("heads", 1, 0.1, 1000), cost("heads", 100, 0.11, 100_000), cost("heads", 1000, 0.14, 1_000_000)]
    peers = [cost(design, n, n * 0.2, n) for design in ("networks", "towers") for n in (1, 10)]
    return ScalabilityReport(
        setting=setting,
        late_heads=(late("jpeg", 2.0), late("white_noise", 8.0)),
        attachments=(),
        costs=Costs(rows=(*rows, *peers), own=1000, file=500, rounds=3),
        new_head=NewHead(
            pictures=200, add_head=6, one_pass=5, add_head_cpu=12, one_pass_cpu=10, step=0.5, joint_steps=8000
        ),
    )


def test_goals_compare_what_was_measured(report: ScalabilityReport) -> None:
    assert like_gaps(report.late_heads) == pytest.approx({20: 0.01, 500: 0.01, 2000: 0.01})
    assert best_gaps(report.late_heads) == pytest.approx({20: 0.2575, 500: 0.0175, 2000: 0.01})
    assert report.costs is not None
    assert memory_growth(report.costs) == 1000
    goals = [(goal.measured, goal.met) for goal in report.goals]
    measured = [0.01, 0.0175, None, 1.1, 1.4, 0.5, 1.0, 4000 / 6, 1.2]
    assert [value for value, _ in goals if value is not None] == pytest.approx([m for m in measured if m is not None])
    assert [met for _, met in goals][1:] == [False, None, False, True, True, True, True, True]


def test_a_bound_is_above_or_below() -> None:
    assert Goal(figure="x", limit=1, measured=1.5).met is False
    assert Goal(figure="x", limit=1, measured=1.5, lower=True).met is True
    assert Goal(figure="x", limit=1, measured=None).met is None


def test_the_report_says_how_small_the_networks_were_and_what_failed(report: ScalabilityReport) -> None:
    text = to_markdown(report)
    assert "widths 4, 4, 4, 4, 4" in text
    assert "for 3 steps of 8 native samples" in text
    assert "| time per picture, 100 heads : 1 head | at most 1.05 | 1.100 | **no** |" in text
    assert "| best joint head less late, mean | – | 0.258 | 0.018 | 0.010 |" in text
    assert "| less late, mean | – | 0.010 | 0.010 | 0.010 |" in text
    assert "1.00 times its float32 weights, 2.00 times its file" in text
    assert json.loads(json.dumps(report_to_dict(report)))["goals"][3]["met"] is False
    empty = replace(report, late_heads=(), costs=None, new_head=None)
    assert "not measured" in to_markdown(empty)
    assert draw_plots(empty) == {}


def test_plots_are_pictures(report: ScalabilityReport) -> None:
    plots = draw_plots(report)
    assert set(plots) == {"incremental.png", "cost.png"}
    assert all(data.startswith(b"\x89PNG") for data in plots.values())


def test_extrapolation_is_a_line_and_says_so() -> None:
    rows = _extended([cost("towers", 1, 1.0, 100), cost("towers", 11, 2.0, 200)], (1, 11, 111), lambda n: 7 * n)
    assert [row.extrapolated for row in rows] == [False, False, True]
    assert rows[-1].seconds == pytest.approx(12.0)
    assert (rows[-1].peak, rows[-1].disk) == (1200, 777)


def test_timing_goes_by_turns_and_leaves_out_the_run_before_each() -> None:
    calls: list[int] = []

    def first_slow() -> None:
        calls.append(1)
        if len(calls) % 4 == 1:
            sum(range(2_000_000))

    cpu, wall = typical({1: first_slow, 10: lambda: calls.append(10)}, rounds=3)
    assert calls == [1, 1, 10, 10] * 3
    assert set(cpu) == set(wall) == {1, 10}
    assert all(0 <= seconds < 0.01 for seconds in cpu.values())
    assert all(0 <= seconds < 1 for seconds in wall.values())


def test_loading_is_the_median_of_several_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loads = iter([0.3, 9.0, 0.5, 0.4, 0.1])

    def probe(job: Job) -> Found:
        seconds = dict.fromkeys(job.counts, 0.25)
        return Found(seconds=seconds, wall=seconds, load=next(loads) if job.rounds == 1 else 7.0, loaded=60, peak=100)

    monkeypatch.setattr(costs_module, "run_probe", probe)
    monkeypatch.setattr(costs_module, "LOADS", 5)
    job = Job(kind="heads", counts=(), picture="", rounds=3, home="", tower="")
    row = costs_module._measure(job, [2], {2: tmp_path}, lambda n: n)[0]
    assert (row.load, row.peak, row.per_picture, row.seconds) == (0.4, 100, 40, 0.25)


def test_the_cost_of_real_head_files_in_a_process(head: HeadFile, folder: Path, tmp_path: Path) -> None:
    job = Job(
        kind="heads",
        counts=(1, 3),
        picture=str(write_picture(next(folder.iterdir()), tmp_path / "picture.png")),
        rounds=1,
        home=str(write_heads(head, 3, tmp_path / "home")),
        tower="",
    )
    with Image.open(job.picture) as picture:
        assert picture.size == (512, 384)
    found = run_probe(job)
    assert set(found.seconds) == {1, 3}
    assert found.peak >= found.loaded > 10 * 2**20
    with pytest.raises(DataError, match="measurement of 3 heads failed"):
        run_probe(replace(job, picture=str(tmp_path / "none.png")))


def test_a_tower_is_that_of_the_paper() -> None:
    parameters = sum(parameter.numel() for parameter in tower().parameters())
    assert FEATURES == 14_976
    assert parameters == pytest.approx(7.9e6, rel=0.01)
    assert patches(np.zeros((384, 512, 3), np.uint8)).shape == (6, 224, 224, 3)
    assert patches(np.zeros((100, 90, 3), np.uint8)).shape == (6, 224, 224, 3)


def test_attached_heads_change_nothing(head: HeadFile, folder: Path, tmp_path: Path) -> None:
    heads = [replace(head, label=f"head_{i}") for i in range(3)]
    found = measure_forgetting(heads, sorted(folder.iterdir())[:2], tmp_path, silent)
    assert [(each.label, each.earlier, each.compared, each.changed) for each in found] == [
        ("head_1", 1, 4, 0),
        ("head_2", 2, 8, 0),
    ]


def test_pictures_of_a_late_head(folder: Path, tmp_path: Path) -> None:
    pictures = PictureSet(
        folder=tmp_path / "pictures",
        scenes=tuple(sorted(folder.iterdir()))[:3],
        late="white_noise",
        bank=("jpeg", "white_noise"),
        view="native",
        count=4,
        seed=1,
    )
    assert list(make_pictures(pictures, 1)) == [8]
    images = read_data(pictures.write_csv(tmp_path / "data.csv", 4), "white_noise")
    assert [(image.label, image.group) for image in images] == [
        (label, f"scene{i}") for label in (True, False) for i in (0, 1, 10, 0)
    ]
    roughness = [np.diff(load_image(image.path).astype(float), axis=1).std() for image in images]
    assert min(roughness[:4]) > roughness[4]
    before = images[0].path.read_bytes()
    images[0].path.unlink()
    pictures.done.unlink()
    list(make_pictures(pictures, 1))
    assert images[0].path.read_bytes() == before


def test_what_is_done_is_kept_and_never_taken_for_another(tmp_path: Path) -> None:
    calls: list[int] = []
    new = NewHead(pictures=1, add_head=1, one_pass=1, add_head_cpu=1, one_pass_cpu=1, step=1, joint_steps=1)

    def measure() -> NewHead:
        calls.append(1)
        return new

    def kept(key: object) -> NewHead:
        return once(tmp_path / "a.json", {"key": key}, measure, lambda stored: NewHead(**stored))

    assert kept((1, 2)) == kept((1, 2)) == new
    assert len(calls) == 1
    with pytest.raises(DataError, match="other options"):
        kept((1, 3))
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        kept((1, 2))


def test_a_small_bench_from_pictures_to_report_goes_on(folder: Path, registry: Registry, tmp_path: Path) -> None:
    options = ScalabilityOptions(
        images=folder,
        out=tmp_path / "out",
        work=tmp_path / "work",
        parts=("incremental",),
        bank=("jpeg", "white_noise"),
        late=("white_noise",),
        sizes=(20,),
        widths=(4, 4, 4, 4, 4),
        steps=4,
        batch=4,
        test_pictures=20,
    )
    stages: list[str] = []
    found = bench_scalability(options, registry, lambda stage, done, total: stages.append(stage))
    [late_head] = found.late_heads
    assert 0 <= late_head.late[20].auroc <= 1
    assert "training, without-white_noise" in stages
    info = read_backbone(tmp_path / "work/incremental/runs/without-white_noise/backbone.safetensors").info
    assert info["distortions"] == ["jpeg"]
    assert {"report.md", "report.json", "incremental.png"} <= {path.name for path in options.out.iterdir()}
    stages.clear()
    assert bench_scalability(options, registry, lambda stage, done, total: stages.append(stage)) == found
    assert stages == []
    with pytest.raises(DataError, match="other options"):
        bench_scalability(replace(options, steps=5), registry)


def test_what_cannot_be_measured_is_said_before(folder: Path, registry: Registry, tmp_path: Path) -> None:
    options = ScalabilityOptions(images=folder, out=tmp_path, work=tmp_path / "work", parts=("incremental",))
    with pytest.raises(DataError, match="--late but not in --bank"):
        bench_scalability(replace(options, bank=("jpeg", "jitter"), late=("pixelate",)), registry)
    with pytest.raises(DataError, match="no part 'speed'"):
        bench_scalability(replace(options, parts=("speed",)), registry)


@pytest.mark.parametrize(
    ("option", "message"),
    [(("--sizes", "5"), "at least 20"), (("--widths", "1,2"), "5 numbers"), (("--late", ","), "names nothing")],
)
def test_wrong_lists_are_usage_errors(option: tuple[str, str], message: str, folder: Path) -> None:
    from dheads_cli.commands.bench import bench as command

    result = CliRunner().invoke(command, ["scalability", "--images", str(folder), *option])
    assert result.exit_code == 2
    assert message in result.output
