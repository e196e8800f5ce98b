from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pluggy
import pytest

from distortion_heads import hookspecs
from distortion_heads._system import atomic
from distortion_heads.errors import (
    HeadTensorError,
    InvalidLabelError,
    LabelTakenError,
    StoreError,
    UnknownHeadError,
)
from distortion_heads.heads.file import dump_head, read_head
from distortion_heads.registry import user_heads as store
from distortion_heads.registry.user_heads import Store, UserHeads
from distortion_heads.spec import HeadSpec
from helpers import TESTS
from helpers.sample_heads import make_head, same


@pytest.fixture
def mine(tmp_path: Path) -> Store:
    """A store that does not exist yet."""
    return Store(tmp_path / "home" / "dheads")


def file_names(mine: Store) -> set[str]:
    return {file.name for file in mine.folder.iterdir()} - {".lock"}


def test_the_home_is_the_environments_else_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs import user_data_path

    assert Store.default({"DHEADS_HOME": str(tmp_path)}).path("blur") == tmp_path / "heads" / "blur.safetensors"
    assert Store.default({}) == Store.default({"DHEADS_HOME": ""}) == Store(user_data_path("dheads"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert Store.default({"DHEADS_HOME": "~/mine"}).home == tmp_path / "mine"
    with pytest.raises(StoreError, match="no such user"):
        Store.default({"DHEADS_HOME": "~nobody_of_that_name/x"})


def test_an_empty_store_makes_nothing(mine: Store) -> None:
    assert mine.labels() == ()
    assert tuple(mine.user_plugin().dheads_heads()) == ()
    assert mine.user_plugin().broken() == ()
    with pytest.raises(UnknownHeadError, match=r"'blur' \(there are: none\)"):
        mine.remove("blur")
    assert not mine.home.exists()


def test_save_then_remove(mine: Store) -> None:
    for label in ("zebra", "blur"):
        assert mine.save(make_head(label), overwrite=False) == mine.path(label)
    assert mine.labels() == ("blur", "zebra")
    assert same(read_head(mine.path("blur")), make_head("blur"))
    with pytest.raises(UnknownHeadError, match=r"'noise' \(there are: blur, zebra\)"):
        mine.remove("noise")
    mine.remove("zebra")
    assert mine.labels() == ("blur",)
    assert file_names(mine) == {"blur.safetensors"}


@pytest.mark.parametrize("label", ["../blur", "a/b", "", ".", "Blur", "blur.x"])
def test_a_label_never_leaves_the_folder(mine: Store, label: str) -> None:
    for act in (mine.path, mine.remove):
        with pytest.raises(InvalidLabelError):
            act(label)


def test_a_taken_label_is_kept_unless_overwritten(mine: Store) -> None:
    first, second = make_head("blur", seed=1), make_head("blur", seed=2)
    mine.save(first, overwrite=False)
    with pytest.raises(LabelTakenError, match=r"'blur' is taken by .*blur\.safetensors.*--force"):
        mine.save(second, overwrite=False)
    assert same(read_head(mine.path("blur")), first)
    mine.save(second, overwrite=True)
    assert same(read_head(mine.path("blur")), second)


def test_a_broken_file_holds_its_label_and_can_be_removed(mine: Store) -> None:
    mine.folder.mkdir(parents=True)
    mine.path("blur").write_bytes(b"")
    (mine.path("link")).symlink_to(mine.folder / "nowhere")
    for label in ("blur", "link"):
        with pytest.raises(LabelTakenError):
            mine.save(make_head(label), overwrite=False)
        assert label in mine.labels()
        mine.remove(label)
    assert mine.labels() == ()


def test_a_head_that_cannot_be_loaded_changes_nothing(mine: Store) -> None:
    head = make_head("blur")
    head.layers[0].bias[0] = float("nan")
    with pytest.raises(HeadTensorError):
        mine.save(head, overwrite=True)
    assert not mine.home.exists()


def test_of_many_savers_at_once_one_wins(mine: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are made to write at the same moment, unless something keeps them apart."""
    barrier = threading.Barrier(8)
    write = atomic.write_atomic

    def slow_write(path: Path, data: bytes) -> None:
        threading.Event().wait(0.05)
        write(path, data)

    monkeypatch.setattr(atomic, "write_atomic", slow_write)

    def save(seed: int) -> int | None:
        barrier.wait()
        try:
            mine.save(make_head("blur", seed=seed), overwrite=False)
        except LabelTakenError:
            return None
        return seed

    with ThreadPoolExecutor(8) as pool:
        winners = [seed for seed in pool.map(save, range(8)) if seed is not None]
    assert len(winners) == 1
    assert same(read_head(mine.path("blur")), make_head("blur", seed=winners[0]))
    assert file_names(mine) == {"blur.safetensors"}


def test_savers_of_two_processes_lose_nothing(mine: Store) -> None:
    script = (
        "import sys, pathlib\nfrom helpers import sample_heads\n"
        "from distortion_heads.registry.user_heads import Store\n"
        "for i in range(10):\n"
        "    Store(pathlib.Path(sys.argv[1])).save(sample_heads.make_head(sys.argv[2] + str(i)), overwrite=False)"
    )
    environ = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", script, str(mine.home)]
    processes = [subprocess.Popen([*command, name], env=environ) for name in ("a", "b")]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert mine.labels() == tuple(sorted(f"{name}{i}" for name in "ab" for i in range(10)))
    assert mine.user_plugin().broken() == ()


def test_a_store_in_use_is_not_waited_for_for_ever(mine: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    mine.save(make_head("blur"), overwrite=False)
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.1)
    with FileLock(mine.folder / ".lock"), pytest.raises(StoreError, match="in use by another dheads"):
        mine.save(make_head("noise"), overwrite=False)
    assert mine.labels() == ("blur",)


def test_a_full_disk_is_one_line_and_changes_nothing(mine: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    mine.save(make_head("blur", seed=1), overwrite=False)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for head in (make_head("blur", seed=2), make_head("noise")):
        with pytest.raises(StoreError, match=r"home.dheads cannot be written \(No space left .*DHEADS_HOME") as caught:
            mine.save(head, overwrite=True)
        assert "\n" not in str(caught.value)
    assert file_names(mine) == {"blur.safetensors"}
    assert same(read_head(mine.path("blur")), make_head("blur", seed=1))


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    mine = Store(tmp_path / "home")
    for act in (mine.labels, lambda: mine.save(make_head("blur"), overwrite=False), lambda: mine.remove("blur")):
        with pytest.raises(StoreError, match="Not a directory"):
            act()
    plugin = mine.user_plugin()
    assert tuple(plugin.dheads_heads()) == ()
    [(path, reason)] = plugin.broken()
    assert path == mine.folder
    assert "Not a directory" in reason


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home(mine: Store) -> None:
    mine.save(make_head("blur"), overwrite=False)
    mine.folder.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            mine.save(make_head("noise"), overwrite=False)
        with pytest.raises(StoreError, match="cannot be written"):
            mine.remove("blur")
        assert mine.labels() == ("blur",)
    finally:
        mine.folder.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_home_that_nobody_can_make() -> None:
    with pytest.raises(StoreError, match=r"^/proc/dheads cannot be written"):
        Store(Path("/proc/dheads")).save(make_head("blur"), overwrite=False)


def specs_of(plugin: UserHeads) -> dict[str, HeadSpec]:
    """What pluggy gets out of the plugin, by label."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    [heads] = manager.hook.dheads_heads()
    return {spec.label: spec for spec in heads}


def test_the_plugin_brings_what_the_files_say(mine: Store) -> None:
    mine.save(make_head("rain", title="Rain", family="atmosphere", view="overview"), overwrite=False)
    mine.save(make_head("blur"), overwrite=False)
    plugin = mine.user_plugin()
    specs = specs_of(plugin)
    assert list(specs) == ["blur", "rain"]
    rain = specs["rain"]
    assert (rain.title, rain.family, rain.view, rain.weights) == ("Rain", "atmosphere", "overview", mine.path("rain"))
    assert plugin.folder == mine.folder


def test_broken_files_are_told_and_stop_nothing(mine: Store) -> None:
    mine.save(make_head("blur"), overwrite=False)
    data = dump_head(make_head("blur"))
    mine.path("cut").write_bytes(data[:-1])
    mine.path("other").write_bytes(data)
    (mine.folder / "Blur 2.safetensors").write_bytes(data)
    mine.path("link").symlink_to(mine.path("blur"))
    mine.path("gone").symlink_to(mine.folder / "nowhere")
    mine.path("folder").mkdir()
    (mine.folder / ".rain.safetensors.0123.tmp").write_bytes(data)
    (mine.folder / ".rain.safetensors").write_bytes(data)
    (mine.folder / "notes.txt").write_text("x")

    plugin = mine.user_plugin()
    assert list(specs_of(plugin)) == ["blur"]
    reasons = {path.name: reason for path, reason in plugin.broken()}
    assert reasons.keys() == {f"{n}.safetensors" for n in ("cut", "other", "Blur 2", "link", "gone", "folder")}
    assert "truncated" in reasons["cut.safetensors"]
    assert reasons["other.safetensors"] == "holds the head 'blur': rename it to blur.safetensors"
    assert {reasons[f"{name}.safetensors"] for name in ("link", "gone", "folder")} == {"not a regular file"}


def test_the_files_are_read_once_and_not_before_they_are_asked_for(mine: Store) -> None:
    mine.save(make_head("blur"), overwrite=False)
    plugin = mine.user_plugin()
    mine.save(make_head("rain"), overwrite=False)
    assert list(specs_of(plugin)) == ["blur", "rain"]
    shutil.rmtree(mine.folder)
    assert [spec.label for spec in plugin.dheads_heads()] == ["blur", "rain"]


def test_importing_and_registering_reads_no_numpy(mine: Store) -> None:
    """`dheads --help` has to start at once."""
    mine.save(make_head("blur"), overwrite=False)
    script = (
        "import sys, pathlib, pluggy\n"
        "from distortion_heads import hookspecs\n"
        "from distortion_heads.registry.user_heads import Store\n"
        "manager = pluggy.PluginManager('dheads')\n"
        "manager.add_hookspecs(hookspecs)\n"
        "manager.register(Store(pathlib.Path(sys.argv[1])).user_plugin())\n"
        "print([name for name in ('numpy', 'safetensors', 'filelock', 'platformdirs') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(mine.home)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
