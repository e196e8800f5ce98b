"""Pipes that close, disks that are full, terminals, interrupts."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distortion_heads.backbones.onnx import NO_REPORTS
from helpers.command_line import COMMAND, subprocess_dheads

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX streams")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv", "-")])
def test_reader_that_has_seen_enough(pictures: list[Path], form: tuple[str, ...]) -> None:
    with start("predict", *form, *pictures * 20) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) == 141


def test_interrupt_is_quiet(pictures: list[Path]) -> None:
    with start("predict", "--json", *pictures * 2000) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the rest is more than a pipe holds, so the run cannot end before
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "dheads: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("predict",), ("predict", "--json"), ("list",)])
def test_full_disk(pictures: list[Path], arguments: tuple[str, ...]) -> None:
    paths = pictures if arguments[0] == "predict" else []
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments, *map(str, paths)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "dheads: error: cannot write to standard output: No space left on device",
    ]


def test_closed_standard_output(pictures: list[Path]) -> None:
    command = [*COMMAND, "predict", str(pictures[0])]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "dheads: error: cannot write to standard output: it is closed\n"


def test_json_is_utf8_whatever_the_locale(pictures: list[Path]) -> None:
    path = pictures[0].rename(pictures[0].with_name("Größe.png"))
    done = subprocess_dheads("predict", "--json", path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Größe.png" in done.stdout


def test_table_survives_a_poor_encoding(pictures: list[Path]) -> None:
    path = pictures[0].rename(pictures[0].with_name("Größe.png"))
    done = subprocess_dheads("predict", path, *pictures[1:], PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Gr\\xf6\\xdfe.png" in done.stdout


def on_terminal(columns: int, *arguments: str | Path, **environ: str) -> tuple[int, str]:
    """Exit status and all that a person sees, on a terminal of that width."""
    main, side = os.openpty()
    environment = {
        **os.environ,
        "COLUMNS": str(columns),
        "TERM": "xterm-256color",
        "PYTHONIOENCODING": "utf-8",
        **environ,
    }
    environment.pop("NO_COLOR", None)
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=environment) as process:
        os.close(side)
        seen = b""
        while select.select([main], [], [], 60)[0]:
            try:
                chunk = os.read(main, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(main)
    return process.returncode, seen.decode()


def visible(text: str) -> list[str]:
    """Lines without colours and cursor movements; what was erased is gone."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [re.sub(r"\r|\x1b\[[0-9;?]*[A-Za-z]", "", line.rpartition("\x1b[2K")[2]).rstrip() for line in lines]


ROWS = {
    40: r"  odd         \d\.\d\d   \d\.\d$",
    80: r"  odd         \d\.\d\d   [●○]{5} \d\.\d  always \d+ %$",
    120: r"  odd  [ █-▏]+ \d\.\d\d  [●○]{5} \d\.\d  always \d+ %$",
}


@pytest.mark.parametrize("columns", ROWS)
def test_table_fits_the_terminal(pictures: list[Path], columns: int) -> None:
    code, text = on_terminal(columns, "predict", "--heads", "always,never_here", pictures[0])
    header, rule, row = [line for line in visible(text) if line]
    assert code == 0
    heading = "Probability" if columns >= 120 else "Prob."
    assert header.split() == ["Picture", "Distortion", heading, "Severity", *(["Kind"] if columns >= 80 else [])]
    assert max(map(len, (header, rule, row))) <= columns
    assert pictures[0].name in row
    assert re.search(ROWS[columns], row)
    assert "\x1b[" in text


def test_table_of_several_pictures_ends_with_a_count(pictures: list[Path], tmp_path: Path) -> None:
    code, text = on_terminal(80, "predict", "--heads", "never_here", *pictures, tmp_path / "missing.png")
    lines = [line for line in visible(text) if line]
    assert code == 1
    assert sum(line.endswith("clean") for line in lines) == 3
    assert "━" in text
    assert lines[-1].startswith("4 pictures: 3 clean, 1 failed")
    assert any(line.startswith("dheads: error: ") for line in lines)


def test_ascii_terminal_gets_ascii(pictures: list[Path]) -> None:
    _, text = on_terminal(80, "predict", "--heads", "always", pictures[0], PYTHONIOENCODING="ascii", LC_ALL="C")
    assert text.isascii()
    assert "ooo" in text or "..." in text


@pytest.mark.parametrize("command", [("list",), ("show", "always"), ("plugins",)])
def test_other_screens_fit_the_terminal(command: tuple[str, ...]) -> None:
    code, text = on_terminal(80, *command)
    lines = visible(text)
    assert code == 0
    assert len(lines) > 3
    assert max(map(len, lines)) <= 80


def test_an_interrupt_that_leaves_a_lock_taken_ends_the_program_too(pictures: list[Path]) -> None:
    """Ctrl-C may come in the middle of handing over work, while the pool holds the lock that its threads want next."""
    late = (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "def adjust(pool, old=Pool._adjust_thread_count):\n"
        "    old(pool)\n"
        "    if pool._thread_name_prefix.endswith('side-by-side') and len(pool._threads) == 2:\n"
        "        pool._idle_semaphore._cond.acquire()\n"
        "        raise KeyboardInterrupt\n"
        "Pool._adjust_thread_count = adjust\n"
    )
    command = [*COMMAND[:-1], f"{late}{COMMAND[-1]}", "predict", *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stderr == "dheads: interrupted\n"
    assert done.returncode == 130


def test_nothing_reports_to_others(pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would keep a database of what is run, and send it, unless it is told not to."""
    monkeypatch.delenv(NO_REPORTS[0])
    house = tmp_path / "house"
    house.mkdir()
    done = subprocess_dheads("predict", *pictures, HOME=str(house), XDG_CACHE_HOME=str(house), XDG_DATA_HOME=str(house))
    assert done.returncode == 0
    assert list(house.iterdir()) == []
