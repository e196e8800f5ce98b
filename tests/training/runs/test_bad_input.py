"""`train_bundle` on what a user's machine and files may do to it: one line of advice, early, never a traceback."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.little_pictures import write_clean

torch = pytest.importorskip("torch")

from distortion_heads.errors import BackboneError, DataError, DheadsError
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import HeadSpec
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import ShardRecipe
from distortion_heads.training.runs.from_clean_pictures import BundleOptions, Stage, train_bundle
from helpers.little_networks import tiny

RECIPE = ShardRecipe(steps=4, distinct_shards=1, native=9, overview=3, shard_native=36, shard_overview=12, warmup=2)
TINY = tiny(4, 4)


@pytest.fixture(scope="module")
def specs() -> list[HeadSpec]:
    registry = build_registry(no_plugins=True)
    return [registry.head(label).spec for label in ("under_exposure", "white_noise")]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> BundleOptions:
    folder = tmp_path_factory.mktemp("train")
    return BundleOptions(
        images=write_clean(folder / "clean", 12),
        out=folder / "run",
        recipe=RECIPE,
        architecture=TINY,
        fit_pictures=100,
        hold_pictures=100,
    )


@pytest.fixture(scope="module")
def trained(options: BundleOptions, specs: list[HeadSpec]) -> Path:
    """A run that was stopped once the backbone was written."""

    def stop(progress: Progress | Stage) -> None:
        if isinstance(progress, Stage) and progress.name.startswith("features"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_bundle(options, specs, stop)
    return options.out


def refused(options: BundleOptions, specs: list[HeadSpec], kind: type[DheadsError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        train_bundle(options, specs)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("below", ["", "run", "deep/er/run"])
def test_out_that_cannot_be_a_folder_is_refused_first(tmp_path: Path, specs: list[HeadSpec], below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refused(BundleOptions(images=Path("nowhere"), out=tmp_path / "file" / below), specs)
    assert message == f"{tmp_path / 'file'} cannot be written to: not a directory; give another --out"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_out_that_cannot_be_written_is_refused_first(specs: list[HeadSpec]) -> None:
    message = refused(BundleOptions(images=Path("nowhere"), out=Path("/proc/run")), specs)
    assert message.startswith("/proc cannot be written to: ")


def test_damaged_picture_is_named_and_nothing_is_left(
    options: BundleOptions, specs: list[HeadSpec], tmp_path: Path
) -> None:
    images = tmp_path / "clean"
    shutil.copytree(options.images, images)
    bad = images / "scene003.png"
    bad.write_bytes(bad.read_bytes()[:500])
    message = refused(replace(options, images=images, out=tmp_path / "run"), specs)
    assert message.startswith(f"1 of 12 pictures cannot be used: {bad}: ")
    assert not (tmp_path / "run").exists()


def test_licence_that_no_file_can_hold_is_refused_first(options: BundleOptions, specs: list[HeadSpec]) -> None:
    assert "one line" in refused(replace(options, images=Path("nowhere"), licenses=("CC0", "a\nb")), specs)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def damaged_checkpoint(run: Path) -> None:
    (run / "backbone" / "dheads_small.onnx").unlink()
    damage(run / "checkpoint.pt")


def damaged_shard(run: Path) -> None:
    shutil.rmtree(run / "backbone")
    (run / "checkpoint.pt").unlink()
    for shard in (run / "shards").iterdir():
        damage(shard)


def damaged_weights(run: Path) -> None:
    damage(run / "backbone" / "dheads_small.safetensors")


def damaged_graph(run: Path) -> None:
    (run / "backbone" / "dheads_small.onnx").write_text("no graph")


def file_for_a_folder(run: Path) -> None:
    shutil.rmtree(run / "backbone")
    (run / "backbone").write_text("in the way")


@pytest.mark.parametrize(
    ("spoil", "kind", "names", "says"),
    [
        (damaged_checkpoint, DataError, "checkpoint.pt", "is no checkpoint"),
        (damaged_shard, DataError, "shards", "is damaged"),
        (damaged_weights, BackboneError, "backbone", "is no backbone file"),
        (damaged_graph, BackboneError, "backbone", "graph is damaged"),
        (file_for_a_folder, DataError, "backbone", "mend that"),
    ],
)
def test_damaged_file_of_a_run_is_named(
    options: BundleOptions,
    specs: list[HeadSpec],
    trained: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    kind: type[DheadsError],
    names: str,
    says: str,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    spoil(run)
    message = refused(replace(options, out=run), specs, kind)
    assert str(run / names) in message
    assert says in message
    assert "Traceback" not in capfd.readouterr().err


def test_killed_worker_is_one_line(options: BundleOptions, specs: list[HeadSpec], tmp_path: Path) -> None:
    def kill_workers(progress: Progress | Stage) -> None:
        if isinstance(progress, Progress):
            for worker in multiprocessing.active_children():
                worker.kill()
                worker.join()

    long = replace(options, out=tmp_path / "run", recipe=replace(RECIPE, steps=40))
    with pytest.raises(DataError, match=r"a worker process was killed, .* fewer --workers; it goes on") as caught:
        train_bundle(long, specs, kill_workers)
    assert "\n" not in str(caught.value)


def test_start_gives_the_weights_to_begin_with(
    options: BundleOptions, specs: list[HeadSpec], trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "shards", tmp_path / "run" / "shards")
    still = replace(RECIPE, steps=1, learning_rate=0.0)
    run = replace(options, out=tmp_path / "run", recipe=still, start=trained / "checkpoint.pt")
    with pytest.raises(KeyboardInterrupt):
        train_bundle(run, specs, interrupt_once_trained)
    first, second = (
        torch.load(folder / "checkpoint.pt", weights_only=True)["network"] for folder in (trained, run.out)
    )
    weights = [name for name in first if name.endswith("weight")]
    assert weights
    for name in weights:
        torch.testing.assert_close(first[name], second[name], atol=0, rtol=0, msg=name)
    other = [build_registry(no_plugins=True).head("jpeg").spec]
    assert "belongs to other heads" in refused(replace(run, out=tmp_path / "other"), other)
    nowhere = replace(run, out=tmp_path / "other", start=tmp_path / "nowhere.pt")
    assert refused(nowhere, specs).endswith("nowhere.pt: No such file or directory")


def interrupt_once_trained(progress: Progress | Stage) -> None:
    if isinstance(progress, Progress):
        raise KeyboardInterrupt
