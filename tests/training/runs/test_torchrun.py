"""The example of docs/torchrun.md: two processes over gloo train on shards that lie at a URL."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("fsspec")

from distortion_heads.heads.file import read_head
from helpers.little_pictures import noisy, save, scene

QUICK = ("--backbone", "mobilenet_v3_small", "--weights", "none", "--side", "48", "--stride", "24", "--epochs", "2")
DHEADS = ("-m", "dheads_cli", "train")


@pytest.fixture
def shards(tmp_path: Path) -> str:
    """Twelve scenes, clean and grainy, in three tars."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for shard in range(3):
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for seed in range(4 * shard, 4 * shard + 4):
                for kind, picture in (("clean", scene(seed, 64)), ("grain", noisy(scene(seed, 64), seed))):
                    save(tmp_path / "one.png", picture)
                    tar.add(tmp_path / "one.png", f"{kind}/s{seed:02d}.png")
    return f"file://{folder}"


@pytest.mark.slow
def test_two_processes_train_on_shards_at_a_url(shards: str, tmp_path: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    for name, launch in (("two", torchrun), ("one", (sys.executable,))):
        command = [*launch, *DHEADS, "--data", shards, "--out", str(tmp_path / name), "--device", "cpu", *QUICK]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "DHEADS_HOME": str(tmp_path / f"home_{name}")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("wrote ") == 1  # by the first process alone
    one, two = (read_head(tmp_path / name / "heads" / "grain.safetensors") for name in ("one", "two"))
    assert two.provenance.n_pos + two.provenance.n_neg == one.provenance.n_pos + one.provenance.n_neg > 0
    for ours, theirs in zip(one.layers, two.layers, strict=True):
        np.testing.assert_allclose(ours.weight, theirs.weight, atol=2e-3)
