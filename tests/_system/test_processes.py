"""Tasks in this process and in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from distortion_heads._system.processes import in_processes, per_process, start_workers
from distortion_heads._system.threads import ordered
from distortion_heads.errors import DataError, InputError, WorkerDiedError
from helpers.sessions import processes_of_session, wait_until


def measure(task: int) -> tuple[int, int]:
    return 10 * task, os.getpid()


def refuse(task: int) -> int:
    raise InputError(f"task {task} is bad")


def die(task: int) -> int:
    os._exit(3)


def test_one_job_stays_in_this_process_and_does_nothing_ahead() -> None:
    done: list[int] = []
    results = in_processes([1, 2, 3], lambda task: done.append(task), 1)
    next(results)
    assert done == [1]
    assert list(in_processes([1, 2], measure, 1)) == [(10, os.getpid()), (20, os.getpid())]


def test_two_jobs_do_every_task_in_other_processes() -> None:
    results = dict(in_processes([1, 2, 3], measure, 2))
    assert results.keys() == {10, 20, 30}
    assert os.getpid() not in results.values()
    assert list(in_processes([], measure, 2)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_is_raised(jobs: int) -> None:
    with pytest.raises(InputError, match="task 7 is bad"):
        list(in_processes([7], refuse, jobs))


def test_a_process_that_dies_is_told_in_one_line() -> None:
    with pytest.raises(DataError, match=r"a worker process died.*--jobs 1$"):
        list(in_processes([1, 2], die, 2))


def sleep_long(file: str) -> None:
    Path(file).touch()
    time.sleep(60)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_the_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a", "b")]
    code = (
        "from distortion_heads._system.processes import in_processes\n"
        "from tests._system.test_processes import sleep_long\n"
        f"if __name__ == '__main__': list(in_processes({files!r}, sleep_long, 2))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, str(script)], start_new_session=True, env=environ) as process:
        wait_until(lambda: all(Path(file).exists() for file in files))
        process.kill()
    wait_until(lambda: not processes_of_session(process.pid))


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_worker_that_dies_is_reported_whenever_it_dies(when: str) -> None:
    """Before a call is submitted, between two, or after the last, while its result is awaited."""

    def run() -> None:
        with start_workers(1) as pool:
            future = pool.submit(die, 0) if when != "after" else pool.submit(die_soon, 0.2)
            if when == "before":
                future.exception()  # the pool knows by now
            later = [pool.submit(measure, number) for number in range(3)]
            assert when != "before"
            later[-1].result()
        pytest.fail("nobody noticed")

    with pytest.raises(WorkerDiedError, match="a worker process died"):
        run()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("killed_at", [0, 1, 7])
def test_a_killed_worker_is_reported_through_results_in_order(killed_at: int) -> None:
    """Killed before the first task, after the first result, and when the last tasks have been handed out."""

    def run() -> None:
        with start_workers(2) as pool:

            def submit(number: int) -> Future[tuple[int, int]]:
                if number == killed_at:
                    for process in multiprocessing.active_children():
                        process.kill()
                return pool.submit(measure_slowly, number)

            list(ordered(range(8), submit, 2))

    with pytest.raises(WorkerDiedError, match="a worker process died"):
        run()
    assert not multiprocessing.active_children()


def measure_slowly(task: int) -> tuple[int, int]:
    time.sleep(0.05)
    return measure(task)


def test_an_interrupt_waits_until_a_call_to_the_pool_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[bool] = []
    submit = ProcessPoolExecutor.submit

    def interrupted(pool: ProcessPoolExecutor, work: Any, *task: Any) -> Future[Any]:
        if work is not measure:  # to start the processes, which takes no longer than they do
            return submit(pool, work, *task)
        whole.append(False)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        future = submit(pool, work, *task)
        whole[-1] = True
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", interrupted)
    done = threading.Event()
    threading.Thread(target=done.wait, daemon=True).start()  # the system may give it to this one
    with pytest.raises(KeyboardInterrupt):
        list(in_processes([1, 2, 3], measure, 2))
    done.set()
    assert whole == [True] * 3


def test_what_is_made_once_per_process_is_kept() -> None:
    with start_workers(1) as pool:
        first, second = (pool.submit(made_here, "a").result() for _ in range(2))
    assert first == second
    assert first != made_here("a")


def test_after_an_error_nobody_waits_for_the_rest(tmp_path: Path) -> None:
    began = time.monotonic()

    def run() -> None:
        with start_workers(2) as pool:
            for name in "ab":
                pool.submit(sleep_long, str(tmp_path / name))
            wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert time.monotonic() - began < 50


def die_soon(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(3)


def made_here(name: str) -> tuple[int, float]:
    return per_process(_made, name)


def _made(name: str) -> tuple[int, float]:
    return os.getpid(), time.monotonic()
