"""What the functions of a plugin's specs do as they are called stays with the plugin."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from distortion_heads.errors import InputError, PluginError
from distortion_heads.registry.build import build_registry
from distortion_heads.registry.contained import TIMEOUT_VARIABLE
from distortion_heads.registry.guarded import Guarded
from distortion_heads.spec import HeadSpec
from helpers.command_line import subprocess_dheads
from helpers.installed_plugins import Site

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

IMAGE = np.full((8, 8, 3), 0.5, np.float32)
ENDS = {
    "ValueError": ("raise ValueError('boom')", "ValueError: boom"),
    "exit": ("import sys; sys.exit(3)", "called sys.exit(3)"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    "CancelledError": ("import asyncio; raise asyncio.CancelledError", "CancelledError: without a message"),
    "endless": ("while True: pass", f"took more than 0.3 s: set {TIMEOUT_VARIABLE} to more seconds"),
}


def source(body: str) -> str:
    return f"""
def distort(image, severity, rng):
    {body}
    return image

def distort_clip(frames, rate, severity, rng):
    for frame in frames:
        {body}
        yield frame

@hookimpl
def dheads_heads():
    return [head("evil", synthesize=distort), head("evil_clip", view="temporal", synthesize_clip=distort_clip)]
"""


def specs(site: Site, body: str) -> dict[str, HeadSpec]:
    site.install("meddling", source(body))
    return {label: head.spec for label, head in build_registry(environ={}).heads.items()}


def once(spec: HeadSpec) -> FloatImage:
    """Distort one picture, or a clip of one."""
    rng = np.random.default_rng(0)
    if spec.synthesize is not None:
        return spec.synthesize(IMAGE, 2.0, rng)
    assert spec.synthesize_clip is not None
    (made,) = spec.synthesize_clip(iter([IMAGE]), 25.0, 2.0, rng)
    return made


@pytest.mark.parametrize("label", ["evil", "evil_clip"])
@pytest.mark.parametrize(("body", "said"), ENDS.values(), ids=ENDS.keys())
def test_the_plugin_is_named(body: str, said: str, label: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    with pytest.raises(PluginError) as caught:
        once(specs(site, body)[label])
    assert str(caught.value) == f"plugin meddling 1.0 (meddling): {said}"


@pytest.mark.parametrize("label", ["evil", "evil_clip"])
def test_what_it_prints_goes_to_stderr(label: str, site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    made = once(specs(site, "import os; print('NOISE'); os.write(1, b'LOW')")[label])
    print("result", flush=True)
    caught = capfd.readouterr()
    assert caught.out == "result\n"
    assert "NOISE" in caught.err
    assert "LOW" in caught.err
    assert np.array_equal(made, IMAGE)


def test_stdout_is_there_again_after_two_threads_were_inside(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    spec, stdout = specs(site, "import time; print('NOISE'); time.sleep(0.05)")["evil"], sys.stdout
    threads = [threading.Thread(target=once, args=[spec]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(1, b"result")
    assert sys.stdout is stdout
    caught = capfd.readouterr()
    assert caught.out == "result"
    assert caught.err.count("NOISE") == 4


def test_ctrl_c_and_our_own_errors_pass(site: Site, rng: np.random.Generator) -> None:
    found = specs(site, f"import os, signal, time; os.kill(os.getpid(), {int(signal.SIGINT)}); time.sleep(9)")
    with pytest.raises(KeyboardInterrupt):
        once(found["evil"])

    def unreadable() -> Iterator[FloatImage]:
        raise InputError("the clip ends here")
        yield IMAGE

    assert found["evil_clip"].synthesize_clip is not None
    with (
        pytest.raises(InputError, match=r"^the clip ends here$"),
        closing(found["evil_clip"].synthesize_clip(unreadable(), 25.0, 2.0, rng)) as frames,  # type: ignore[type-var]
    ):
        next(frames)


def test_a_guarded_function_is_known_by_its_module_and_can_be_sent(site: Site, rng: np.random.Generator) -> None:
    guarded = specs(site, "pass")["evil"].synthesize
    assert isinstance(guarded, Guarded)
    assert guarded.__module__ == "meddling"
    assert np.array_equal(pickle.loads(pickle.dumps(guarded))(IMAGE, 1.0, rng), IMAGE)
    assert not isinstance(build_registry(environ={}).heads["jpeg"].spec.synthesize, Guarded)


def test_workers_end_though_a_plugin_begins_threads(site: Site, tmp_path: Path) -> None:
    body = "import threading, time; threading.Thread(target=time.sleep, args=(1e6,), daemon=False).start(); print('X')"
    site.install("meddling", source(body))
    (tmp_path / "clean").mkdir()
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "clean/a.png")
    path = os.pathsep.join([str(site.folder), os.environ.get("PYTHONPATH", "")])
    options = ["--distortions", "evil", "--jobs", "2", tmp_path / "clean", tmp_path / "made"]
    done = subprocess_dheads("synth", *options, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "X" not in done.stdout
    assert len(list((tmp_path / "made").rglob("*.png"))) == 5
