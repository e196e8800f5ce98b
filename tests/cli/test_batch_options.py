"""`dheads predict --on ray`: what the command line refuses before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command_line import Dheads


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--out", "x"], "--out goes with --on ray"),
        (["--part-size", "3"], "--part-size goes with --on ray"),
        (["--on", "spark", "--out", "x"], "--on spark: give ray"),
        (["--on", "ray"], "--on ray wants --out"),
        (["--on", "ray", "--out", "x", "--json"], "--json does not go with --on ray"),
        (["--on", "ray", "--out", "x", "--fail-if", "blur>1"], "--fail-if does not go with --on ray"),
        (["--on", "ray", "--out", "x", "--fps", "2"], "--fps does not go with --on ray"),
        (["--on", "ray", "--out", "x", "--pages", "all"], "--pages does not go with --on ray"),
    ],
)
def test_options_that_do_not_fit(dheads: Dheads, pictures: list[Path], options: list[str], complaint: str) -> None:
    done = dheads("predict", pictures[0], *options)
    assert done.code == 2
    assert complaint in done.error


def test_synth_wants_the_same_words(dheads: Dheads, pictures: list[Path], tmp_path: Path) -> None:
    done = dheads("synth", pictures[0], tmp_path / "out", "--on", "spark")
    assert done.code == 2
    assert "--on spark: give ray" in done.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "--on goes with --families, --quality or --refit-heads"),
        (["--clips", "x"], "--on goes with --families"),
        (["--families"], "--on spark: give ray"),
    ],
)
def test_train_on_a_cluster_is_for_samples(dheads: Dheads, tmp_path: Path, words: list[str], complaint: str) -> None:
    done = dheads("train", "--images", tmp_path, "--out", tmp_path / "out", "--on", "spark", *words)
    assert done.code == 2
    assert complaint in done.error


def test_a_folder_of_something_else_is_left_alone(
    dheads: Dheads, pictures: list[Path], tmp_path: Path, own_heads: tuple[str, str]
) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "out"
    out.mkdir()
    (out / "part-000000.parquet").write_bytes(b"mine")
    done = dheads("predict", pictures[0], "--on", "ray", "--out", out, "--heads", "always")
    assert (done.code, done.out) == (1, "")
    assert "choose another --out" in done.error
    assert (out / "part-000000.parquet").read_bytes() == b"mine"
