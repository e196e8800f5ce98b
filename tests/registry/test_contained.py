"""What a plugin does as it is loaded stays with it: its output, its interrupts, its time."""

from __future__ import annotations

import atexit
import os
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from distortion_heads.errors import HeadFileError
from distortion_heads.heads.file import read_head, read_metadata
from distortion_heads.registry import build
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.registry.contained import TIMEOUT_VARIABLE, contained
from distortion_heads.registry.discovery import load_plugins
from helpers.command_line import subprocess_dheads
from helpers.installed_plugins import GOOD, Site, only_failure

HOOK = "@hookimpl\ndef dheads_heads():\n    "
PRINTS = {
    "as it is imported": f"print('NOISE')\n{GOOD}",
    "below Python": f"import os\nos.write(1, b'NOISE\\n')\n{GOOD}",
    "in a hook": f"{HOOK}print('NOISE')\n    yield head('good_one')\n    print('NOISE')",
    "at exit": f"import atexit\natexit.register(print, 'NOISE')\n{GOOD}",
    "as it closes stdout": f"import sys\nprint('NOISE')\nsys.stdout.close()\n{GOOD}",
}
RAISES = {
    "CancelledError": "import asyncio\nraise asyncio.CancelledError",
    "GeneratorExit": f"{HOOK}raise GeneratorExit\n    yield",
    "Own": "class Own(BaseException): pass\nraise Own('boom')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "RecursionError": "def f(): f()\nf()",
    "MemoryError": "raise MemoryError",
}


def registry() -> Registry:
    return build_registry(environ={})


@pytest.mark.parametrize("source", PRINTS.values(), ids=PRINTS.keys())
def test_results_are_all_that_is_on_stdout(source: str, site: Site) -> None:
    site.install("noisy", source)
    path = os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess_dheads("list", "--json", PYTHONPATH=path)
    assert done.returncode == 0
    assert all(line.startswith("{") for line in done.stdout.splitlines())
    assert '"good_one"' in done.stdout
    assert "NOISE" in done.stderr


@pytest.mark.parametrize(("name", "source"), RAISES.items(), ids=RAISES.keys())
def test_whatever_a_plugin_raises_the_others_go_on(name: str, source: str, site: Site) -> None:
    owner = site.install("raising", source)
    site.install("sound", GOOD)
    found = registry()
    assert name in only_failure(found, owner).reason
    assert {"good_one", "jpeg"} <= found.heads.keys()


def test_ctrl_c_is_the_users(site: Site) -> None:
    site.install("waiting", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(9)")
    with pytest.raises(KeyboardInterrupt):
        registry()


@pytest.mark.parametrize(
    "source", ["import time\ntime.sleep(99)", f"{HOOK}import time\n    time.sleep(99)", "while True:\n    pass"]
)
def test_a_plugin_that_takes_too_long_is_named(source: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = site.install("sleepy", source)
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    assert only_failure(registry(), owner).reason == f"took more than 0.3 s: set {TIMEOUT_VARIABLE} to more seconds"


def test_a_generator_without_an_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MAX_SPECS", 50)
    endless = f"import itertools\n{HOOK}return (head(f'e{{i}}') for i in itertools.count())"
    owner = site.install("endless", endless)
    assert only_failure(registry(), owner).reason == "dheads_heads gave more than 50 of HeadSpec"


STAYS = "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=False).start()\n"
LEAVES = "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,)).start()\n"
POOL = "import time\nfrom concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(time.sleep, 1e6)\n"


@pytest.mark.parametrize(("source", "is_told"), [(STAYS, True), (LEAVES, False), (POOL, False)])
def test_a_thread_of_a_plugin_does_not_keep_the_program(source: str, is_told: bool, site: Site) -> None:
    owner = site.install("threaded", source + GOOD)
    path = os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess_dheads("list", "--json", PYTHONPATH=path)
    assert done.returncode == 0
    assert '"good_one"' in done.stdout
    assert done.stderr == f"dheads: warning: plugin {owner}: a thread of it still runs, and is ended\n" * is_told


AT_EXIT = {
    "time.sleep, 1e6": "took more than 1 s: set DHEADS_PLUGIN_TIMEOUT to more seconds",
    "lambda: 1 / 0": "ZeroDivisionError: division by zero",
    "sys.exit, 7": "called sys.exit(7)",
}


@pytest.mark.parametrize(("handler", "said"), AT_EXIT.items())
def test_what_a_plugin_does_at_exit_does_not_keep_the_program(handler: str, said: str, site: Site) -> None:
    code = f"""
    import atexit, os, sys, time
    atexit.register(print, 'LAST')
    atexit.register({handler})
    atexit.register(os.environ.__setitem__, "{TIMEOUT_VARIABLE}", "1")  # not before, for busy machines
    """
    owner = site.install("staying", textwrap.dedent(code) + GOOD)
    path = os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")])
    done = subprocess_dheads("list", "--json", PYTHONPATH=path)
    assert done.returncode == 0
    assert '"good_one"' in done.stdout
    assert done.stderr == f"dheads: warning: plugin {owner}, at exit: {said}\nLAST\n"


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is registered for the exit, in place of that of this process."""
    found: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", lambda function, *given, **named: found.append(partial(function, *given)))
    return found


def test_other_threads_and_later_plugins_register_as_always(handlers: list[Callable[[], object]]) -> None:
    before = atexit.register
    with contained("outer", {}):
        with contained("inner", {}):
            assert atexit.register(print, "x") is print
        other = threading.Thread(target=atexit.register, args=(print, "other"))
        other.start()
        other.join()
        atexit.register(print)
    assert atexit.register is before
    inner, thread, outer = (handler.func for handler in handlers)
    assert thread is print
    assert (type(inner), inner, hash(inner)) == (type(outer), print, hash(print))  # as `unregister` compares
    assert type(inner) is not type(print)


def test_ctrl_c_ends_what_runs_at_exit(handlers: list[Callable[[], object]], site: Site) -> None:
    site.install("waiting", f"import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)\n{GOOD}")
    assert registry().failures == ()
    (handler,) = handlers
    handler()


def test_the_recursion_limit_and_stdout_are_put_back(site: Site) -> None:
    depth, stdout = sys.getrecursionlimit(), sys.stdout
    site.install("meddling", f"import io, sys\nsys.setrecursionlimit(200)\nsys.stdout = io.StringIO()\n{GOOD}")
    assert registry().failures == ()
    assert sys.getrecursionlimit() == depth
    assert sys.stdout is stdout


def test_weights_that_are_a_pipe_or_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        for read in (read_head, read_metadata):
            with pytest.raises(HeadFileError, match="cannot be read: not a regular file"):
                read(file)


def test_builtins_are_known_by_their_place_not_by_a_name(site: Site) -> None:
    owner = site.install("Distortion_Heads", GOOD.replace("good_one", "squat"), name="builtin", version="9.0")
    loaded = load_plugins({}, no_plugins=True)
    assert [plugin.owner.name for plugin in loaded.plugins] == ["builtin", "icip2020"]
    assert "squat" not in build_registry(environ={}, no_plugins=True).heads
    found = registry()
    assert "jpeg" in found.heads
    assert found.heads["squat"].owner == owner
    assert not owner.is_builtin


def test_the_help_of_a_plugin_does_not_act_on_a_terminal(site: Site) -> None:
    site.install(
        "colourful",
        """
        import click

        @hookimpl
        def dheads_commands(cli):
            option = click.Option(["--x"], help="\\x1b]0;t\\x07x")
            cli.add_command(click.Command("paint", help="\\x1b[31mred\\n\\n\\b\\nkept", params=[option]))
        """,
    )
    path = os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")])
    for arguments in (["--help"], ["paint", "--help"]):
        done = subprocess_dheads(*arguments, PYTHONPATH=path)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "\\x1b[31mred" in done.stdout
    assert "kept" in done.stdout
