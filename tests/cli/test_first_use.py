"""What a new user meets: deletions, gates, folders, logs."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dheads_cli.output import progress
from helpers.command_line import COMMAND, Dheads, write_picture
from helpers.sessions import wait_until

BOTH = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


@pytest.mark.parametrize("typed", ["n\n", "", "y\n"])
def test_nothing_is_deleted_where_nobody_is_asked(home: Path, typed: str) -> None:
    command = [*COMMAND, "remove-head", "always"]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "--yes" in done.stderr
    assert (home / "heads" / "always.safetensors").exists()


def test_a_gate_tells_what_could_not_be_read_from_what_is_bad(dheads: Dheads, pictures: list[Path]) -> None:
    broken = pictures[0].with_name("broken.png")
    broken.write_bytes(b"no picture")
    assert dheads("predict", "--fail-if", "never_here>0.999", *BOTH, broken, pictures[0]).code == 3
    assert dheads("predict", *BOTH, broken, pictures[0]).code == 1
    result = dheads("predict", "--fail-if", "odd>=0", *BOTH, broken, pictures[0])
    assert result.code == 1
    assert "--fail-if 'odd>=0' holds: always 0.90" in result.err


def test_a_folder_ends_with_a_summary_beside_the_results(dheads: Dheads, pictures: list[Path]) -> None:
    folder = pictures[0].parent
    (folder / "broken.png").write_bytes(b"no picture")
    result = dheads("predict", "--json", *BOTH, folder)
    assert len(result.lines) == 4
    assert all(line.startswith("{") for line in result.lines)
    assert "summary: 3 pictures judged, 0 clean, 1 with errors" in result.err
    assert "summary: odd 3 (100%)" in result.err
    assert "percentages of 3 pictures are rough" in result.err
    assert "summary" not in dheads("predict", "--json", *BOTH, *pictures).err


def test_a_long_csv_has_a_row_per_picture_and_family_or_kind(
    dheads: Dheads, pictures: list[Path], tmp_path: Path
) -> None:
    broken = pictures[0].with_name("broken.png")
    broken.write_bytes(b"no picture")
    file = tmp_path / "long.csv"
    assert dheads("predict", *BOTH, "--csv-long", file, *pictures, broken).code == 1
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["path"] for row in rows[::4]] == [*map(str, pictures), str(broken)]
    assert [(row["scope"], row["label"], row["family"], row["present"]) for row in rows[:4]] == [
        ("family", "odd", "odd", "true"),
        ("family", "even", "even", "false"),
        ("kind", "always", "odd", "true"),
        ("kind", "never_here", "even", "false"),
    ]
    assert "not an image" in rows[-1]["error"]
    assert dheads("predict", *BOTH, "--csv-long", pictures[0], *pictures).code == 2


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress, "EVERY", 10.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.progress_bar() as bar:
        for step in range(60):
            now = 100.0 + step
            bar.show(step, 60, "heads", f"{step} of 60")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"dheads: heads, {step / 60:.0%}, {step} of 60, 0:{60 - step} left" for step in (10, 20, 30, 40, 50)
    ]


def test_synth_says_what_it_will_make(dheads: Dheads, tmp_path: Path) -> None:
    write_picture(tmp_path / "in" / "a.png", 0)
    result = dheads(
        "synth", tmp_path / "in", tmp_path / "out", "--distortions", "jpeg", "--severities", "1,2", "--jobs", "1"
    )
    assert result.code == 0
    assert result.err.startswith("dheads: 2 files to make from 1 input,")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code", "says"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_stopped_run_says_one_line_and_leaves_nothing(tmp_path: Path, number: int, code: int, says: str) -> None:
    """Neither tracebacks of workers, nor what a resource tracker says of semaphores."""
    for seed in range(6):
        write_picture(tmp_path / "in" / f"{seed}.png", seed)
    out = tmp_path / "out"
    command = [*COMMAND, "synth", str(tmp_path / "in"), str(out), "-n", "2000", "--jobs", "2"]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: any(out.glob("*.png")))
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert [line for line in err.splitlines() if "to make from" not in line] == [f"dheads: {says}"]
    assert not (out / ".partial").exists()
