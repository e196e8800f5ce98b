"""Training on labelled records: what is learnt, stopped early, resumed, shared between processes and written."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.epochs import LARGE, Pace
from distortion_heads.training.networks.loop import State
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import AMEUR, DHEADS, RecordRecipe, recipe_for
from distortion_heads.training.networks.record_samples import FeatureSamples, Memory, Targets, stream
from distortion_heads.training.networks.towers import MultiTask, Towers
from distortion_heads.training.networks.train_on_records import train_on_records, validation_loss
from helpers import REPOSITORY, TESTS
from helpers.little_pictures import noisy, save, scene

TINY = replace(DHEADS, hidden=(8,), epochs=4, images_per_batch=4, rate=1e-2, patience=0, severity=False)
DIM, HEADS = 12, 2


def features(count: int, seed: int, windows: int = 3) -> FeatureSamples:
    """Two labels that two features give away."""
    rng = np.random.default_rng(seed)
    presence = (rng.random((count, HEADS)) < 0.5).astype(np.float32)
    parts = [rng.normal(0, 0.3, (windows, DIM)).astype(np.float32) for _ in range(count)]
    for part, row in zip(parts, presence, strict=True):
        part[:, :HEADS] += 2 * row - 1
    unknown = np.full_like(presence, np.nan)
    return FeatureSamples(windows=parts, targets=Targets(presence=presence, severity=unknown, quality=unknown[:, 0]))


def network(recipe: RecordRecipe, seed: int = 0) -> MultiTask:
    torch.manual_seed(seed)
    return MultiTask(None, Towers(DIM, HEADS, recipe.hidden, severity=recipe.severity))


def weights(trained: MultiTask) -> list[np.ndarray]:
    return [value.detach().numpy().copy() for value in trained.parameters()]


def run(folder: Path, recipe: RecordRecipe = TINY, fit: int = 18, **more: object) -> MultiTask:
    trained = network(recipe)
    train_on_records(
        trained,
        features(fit, 1),
        features(8, 2),
        recipe,
        Checkpoint(folder / "c.pt", {"another recipe": "id"}),
        Processes(),
        **more,
    )  # type: ignore[arg-type]
    return trained


def test_the_heads_learn_what_the_features_tell(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=25)
    before = validation_loss(network(recipe), features(8, 2), Processes())
    after = validation_loss(run(tmp_path, recipe), features(8, 2), Processes())
    assert after < 0.3 < before


def test_a_step_is_the_mean_over_records_and_heads_whatever_the_number_of_patches() -> None:
    samples = features(4, 0)
    uneven = FeatureSamples(windows=[w[: i % 3 + 1] for i, w in enumerate(samples.windows)], targets=samples.targets)
    (batch,) = stream(uneven, replace(TINY, dropout=0.0), Processes(), 0, 1)
    per_record = [float(batch.weight[batch.owner == i].sum()) for i in range(4)]
    np.testing.assert_allclose(per_record, 0.25, rtol=1e-6)


def test_the_shares_of_two_processes_are_what_one_sees() -> None:
    samples = features(10, 0)
    whole = list(stream(samples, TINY, Processes(), 0, 5))
    shares = [list(stream(samples, TINY, Processes(rank=rank, size=2), 0, 5)) for rank in range(2)]
    for step, batch in enumerate(whole):
        for rank in range(2):
            mine = torch.isin(batch.owner, torch.arange(rank, 4, 2))
            assert torch.equal(batch.x[mine], shares[rank][step].x)
            assert torch.equal(batch.masks[0][mine], shares[rank][step].masks[0])
            assert torch.equal(batch.weight[mine], shares[rank][step].weight)


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")

    def kill(progress: object) -> None:
        if progress.step == 10:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", report=kill)
    seen: list[int] = []
    resumed = run(tmp_path / "parts", report=lambda progress: seen.append(progress.step))
    assert seen[0] == 9  # the checkpoint is that of the second epoch's end, at four batches an epoch
    for ours, theirs in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_pictures_are_decoded_once_as_long_as_they_fit() -> None:
    read: list[int] = []

    def pictures(index: int) -> list[np.ndarray]:
        read.append(index)
        return [np.full((10, 10, 3), index, np.uint8)]

    memory = Memory(room=2 * 300)
    for _ in range(2):
        for index in range(4):
            (found,) = memory.of(index, lambda index=index: pictures(index))  # type: ignore[misc]
            assert (found == index).all()
    assert read == [0, 1, 2, 3, 2, 3]


def test_large_checkpoints_take_a_tenth_of_the_time_at_most() -> None:
    now, written = 0.0, []

    def write(size: int) -> int:
        nonlocal now
        now += 2.0
        written.append(now)
        return size

    pace = Pace(clock=lambda: now)
    for _ in range(100):
        now += 1.0
        pace.save(lambda: write(LARGE + 1), always=False)
    assert written[:2] == [3.0, 23.0]  # twenty seconds from the beginning of the first to that of the second
    assert 2.0 * len(written) <= 0.1 * now + 2.0
    pace.save(lambda: write(LARGE), always=True)
    pace.save(lambda: write(LARGE), always=False)
    assert written[-1] == written[-2] + 2.0, "small ones are always written, and so is the last"


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    again = run(tmp_path, report=lambda progress: pytest.fail("a step was made"))
    for ours, theirs in zip(weights(again), weights(first), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=200, rate=0.1, patience=2)
    losses: list[float] = []
    trained = run(tmp_path, recipe, report=lambda p: losses.append(p.validation) if p.validation is not None else None)
    assert len(losses) < 200
    assert min(losses[:-2]) < min(losses[-2:])
    assert validation_loss(trained, features(8, 2), Processes()) == pytest.approx(min(losses), abs=1e-6)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(DataError, match="another recipe"):
        Checkpoint(tmp_path / "c.pt", {"another recipe": "other"}).load(
            network(TINY), torch.optim.AdamW(network(TINY).parameters())
        )


@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.pt is damaged"):
        run(tmp_path)


def test_no_checkpoint_runs_code(tmp_path: Path) -> None:
    import pickle

    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "owned",))

    with (tmp_path / "c.pt").open("wb") as stream:
        torch.save({"identity": "id", "state": vars(State()), "x": Attack()}, stream, pickle_module=pickle)
    with pytest.raises(DataError, match="damaged"):
        run(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_bfloat16_learns_too(tmp_path: Path) -> None:
    trained = run(tmp_path, replace(TINY, epochs=25, precision="bfloat16"))
    assert validation_loss(trained, features(8, 2), Processes()) < 0.3


def test_the_papers_recipe_is_that_of_the_paper() -> None:
    towers = Towers(1664 * 9, 3, AMEUR.hidden, severity=AMEUR.severity)
    per_head = sum(value.numel() for value in towers.parameters()) / 3
    assert per_head == pytest.approx(7.9e6, rel=0.01)
    sizes = {"csiq": (512, 512), "tid2013": (384, 512), "kadid10k": (384, 512), "livemd": (720, 1280)}
    from distortion_heads.views.patches import PatchGrid

    counts = {}
    for kind, size in sizes.items():
        recipe = recipe_for("ameur", kind)
        counts[kind] = len(PatchGrid(side=recipe.side, stride=recipe.stride).corners(*size))
    assert counts == {"csiq": 4, "tid2013": 4, "kadid10k": 6, "livemd": 8}


WORKER = """
import sys
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
sys.path[:0] = {paths!r}
from tests.training.networks import test_train_on_records as t
from distortion_heads.training.networks.processes import joined
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.epochs import LARGE, Pace
from distortion_heads.training.networks.train_on_records import train_on_records
with joined("cpu") as processes:
    recipe = t.TINY
    trained = t.backbone_network()
    checkpoint = Checkpoint(Path(sys.argv[2]) / "c.pt", {{"another recipe": "id"}})
    train_on_records(trained, *t.patch_parts(Path(sys.argv[1])), recipe, checkpoint, processes)
    np.savez(Path(sys.argv[2]) / f"rank{{processes.rank}}.npz", *t.weights(trained))
"""


def records(folder: Path, count: int) -> list[Record]:
    made = []
    for seed in range(count):
        pixels = scene(seed, 64)
        present = seed % 2 == 0
        path = folder / f"{seed:02d}.png"
        if not path.exists():
            save(path, noisy(pixels, seed) if present else pixels)
        made.append(Record(path=path, scene=f"s{seed // 2}", severities={"grain": 3.0} if present else {}))
    return made


def patch_parts(folder: Path) -> list[object]:
    from distortion_heads.training.networks.record_samples import PatchSamples
    from distortion_heads.views.patches import PatchGrid

    made = records(folder, 12)
    grid = PatchGrid(side=32, stride=32)
    return [
        PatchSamples(records=part, targets=Targets.of(part, ["grain", "other"]), grid=grid, random_patches=2)
        for part in (made[:9], made[9:])
    ]


def backbone_network() -> MultiTask:
    """A small network of torch layers, normalisation included, with heads."""
    from torch import nn

    from distortion_heads.backbones.with_torch.networks import PatchNetwork, settle_norms
    from distortion_heads.spec import PatchInput

    torch.manual_seed(0)
    torso = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3, 2), nn.ReLU())
    patches = PatchInput(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), side=32, stride=32)
    backbone = PatchNetwork("tiny", torso, patches, "moments", "plugin")
    settle_norms(backbone)
    backbone.unfreeze("all")
    return MultiTask(backbone, Towers(backbone.dim, HEADS, TINY.hidden, severity=False))


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(paths=[str(REPOSITORY), str(TESTS)]))
    alone = backbone_network()
    start = weights(alone)
    train_on_records(
        alone, *patch_parts(tmp_path), TINY, Checkpoint(tmp_path / "one.pt", {"another recipe": "id"}), Processes()
    )  # type: ignore[arg-type]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path), str(tmp_path)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ranks = [list(np.load(tmp_path / f"rank{rank}.npz").values()) for rank in range(2)]
    moved = max(float(np.abs(a - b).max()) for a, b in zip(start, weights(alone), strict=True))
    assert moved > 1e-2
    for ours, first, second in zip(weights(alone), *ranks, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, ours, atol=2e-5)
