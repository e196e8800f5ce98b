"""Discovery and isolation of installed plugins."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.registry.discovery import Owner
from helpers.installed_plugins import GOOD, Site, only_failure


def build(**environ: str) -> Registry:
    return build_registry(environ=environ)


def run_python(code: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


def test_builtins_come_first_and_others_sorted(site: Site) -> None:
    later = site.install("zebra-plugin", "@hookimpl\ndef dheads_heads(): return [head('zebra')]")
    early = site.install("aardvark-plugin", "@hookimpl\ndef dheads_heads(): return [head('aardvark')]")
    registry = build()
    assert registry.failures == ()
    owners = [plugin.owner for plugin in registry.plugins]
    assert (owners[0].distribution, owners[0].name) == ("distortion-heads", "builtin")
    assert owners.index(early) < owners.index(later)
    assert [label for label in registry.heads if label in ("zebra", "aardvark")] == ["aardvark", "zebra"]
    assert registry.heads["gaussian_blur"].owner == owners[0]


def test_builtin_name_gives_no_precedence_to_others(site: Site) -> None:
    impostor = site.install("aaa", "@hookimpl\ndef dheads_heads(): return [head('gaussian_blur')]", name="builtin")
    assert only_failure(build(), impostor).stage == "conflict"


def test_entry_point_may_name_an_object(site: Site) -> None:
    site.install(
        "objecty",
        """
        class Plugin:
            __hash__ = None

            @hookimpl
            def dheads_heads(self):
                return [head("from_object")]

        plugin = Plugin()
        """,
        attribute=":plugin",
    )
    registry = build()
    assert registry.failures == ()
    assert "from_object" in registry.heads


@pytest.mark.parametrize(
    ("source", "stage", "reason"),
    [
        ("import no_such_library", "load", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("import sys; sys.exit(3)", "load", "called sys.exit(3)"),
        ("def broken(:", "load", "SyntaxError: "),
        (
            "class Silent(Exception):\n    def __str__(self): raise ValueError\nraise Silent",
            "load",
            "Silent: (its message cannot be printed)",
        ),
        (
            "@hookimpl\ndef dheads_haeds(): return []",
            "register",
            "no such hook: dheads_haeds; did you mean dheads_heads?",
        ),
        ("def dheads_heads(): return []", "register", "dheads_heads lacks the decorator @hookimpl"),
        ("@hookimpl\ndef dheads_heads(images): return []", "register", "PluginValidationError: "),
        ("@hookimpl(wrapper=True)\ndef dheads_heads():\n    return (yield)", "register", "dheads_heads is a wrapper"),
    ],
)
def test_unloadable_plugin_is_reported_and_hurts_no_other(site: Site, source: str, stage: str, reason: str) -> None:
    broken = site.install("broken", source)
    site.install("good", GOOD)
    registry = build()
    failure = only_failure(registry, broken)
    assert failure.stage == stage
    assert failure.reason.startswith(reason)
    assert {"gaussian_blur", "good_one", "good_two"} <= set(registry.heads)


def test_entry_point_to_none(site: Site) -> None:
    broken = site.install("nothing", "plugin = None", attribute=":plugin")
    assert only_failure(build(), broken).stage == "register"


def test_optional_hook_of_a_later_version_is_no_failure(site: Site) -> None:
    site.install("modern", GOOD + "\n@hookimpl(optionalhook=True)\ndef dheads_videos(): return []\n")
    registry = build()
    assert registry.failures == ()
    assert "good_one" in registry.heads


def test_damaged_entry_points_hide_no_other_plugin(site: Site) -> None:
    damaged = site.install("damaged", GOOD)
    (site.folder / "damaged-1.0.dist-info" / "entry_points.txt").write_text("[dheads]\nno equals sign\n")
    site.install("good", GOOD)
    registry = build()
    failure = only_failure(registry, Owner(distribution="damaged", version="1.0", name="entry_points.txt"))
    assert failure.owner.distribution == damaged.distribution
    assert "good_one" in registry.heads
    assert build_registry(environ={}, no_plugins=True).failures == ()


def test_damage_in_an_unrelated_package_is_none_of_our_business(site: Site) -> None:
    for name, content in {"binary": b"\xff\xfe[\x00", "odd": b"[console_scripts]\nno equals sign\n"}.items():
        (site.folder / f"{name}-1.0.dist-info").mkdir()
        (site.folder / f"{name}-1.0.dist-info" / "entry_points.txt").write_bytes(content)
    site.install("good", GOOD)
    registry = build()
    assert registry.failures == ()
    assert "good_one" in registry.heads


def test_plugin_without_metadata_file_still_loads(site: Site) -> None:
    site.install("good", GOOD)
    (site.folder / "good-1.0.dist-info" / "METADATA").unlink()
    registry = build()
    assert registry.failures == ()
    assert registry.heads["good_one"].owner.distribution == "unknown"


def test_of_two_copies_the_first_on_the_path_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadowed = tmp_path / "shadowed"
    Site(shadowed).install("good", GOOD, version="0.9")
    site.install("good", GOOD, version="1.1")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(shadowed)])
        registry = build()
    assert registry.failures == ()
    assert registry.heads["good_one"].owner.version == "1.1"


@pytest.mark.parametrize(
    ("value", "loaded"),
    [
        ("", set()),
        ("left-hand", {"left"}),
        (" Left_Hand , right_entry ", {"left", "right"}),
        ("right.hand", {"right"}),
        ("builtin", set()),
    ],
)
def test_load_variable_limits_the_others(site: Site, value: str, loaded: set[str]) -> None:
    site.install("left-hand", "@hookimpl\ndef dheads_heads(): return [head('left')]", name="left_entry")
    site.install("right-hand", "@hookimpl\ndef dheads_heads(): return [head('right')]", name="right_entry")
    registry = build(DHEADS_LOAD_PLUGINS=value)
    assert registry.failures == ()
    assert set(registry.heads) & {"left", "right"} == loaded
    assert "gaussian_blur" in registry.heads


def test_load_variable_with_a_name_that_is_not_installed(site: Site) -> None:
    site.install("good", GOOD)
    (failure,) = build(DHEADS_LOAD_PLUGINS="good,godo").failures
    assert (failure.owner.distribution, failure.stage) == ("godo", "load")


def test_no_plugins_does_not_even_import_them(site: Site) -> None:
    site.install("broken", "raise SystemExit")
    registry = build_registry(environ={"DHEADS_LOAD_PLUGINS": "broken"}, no_plugins=True)
    assert registry.failures == ()
    assert [plugin.owner.name for plugin in registry.plugins] == ["builtin", "icip2020"]
    assert "broken" not in sys.modules


def test_trace_writes_calls_and_tracebacks_to_stderr(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install("good", GOOD)
    site.install("broken", "@hookimpl\ndef dheads_heads():\n    raise ValueError('broken on purpose')")
    build(DHEADS_TRACE_PLUGINS="1")
    output = capsys.readouterr()
    assert output.out == ""
    assert "[good 1.0 (good)]" in output.err
    assert "dheads_heads" in output.err
    assert "Traceback" in output.err
    assert "broken on purpose" in output.err


@pytest.mark.parametrize("environ", [{}, {"DHEADS_TRACE_PLUGINS": "0"}])
def test_without_trace_nothing_is_written(
    site: Site, capsys: pytest.CaptureFixture[str], environ: dict[str, str]
) -> None:
    site.install("broken", "1 / 0")
    build(**environ)
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "")


def test_loading_and_commands_import_no_heavy_module() -> None:
    code = """
    import sys
    import click
    from distortion_heads.registry.commands import add_commands
    from distortion_heads.registry.discovery import load_plugins
    loaded = load_plugins({}, no_plugins=True)
    assert [plugin.owner.name for plugin in loaded.plugins] == ["builtin", "icip2020"], loaded
    assert add_commands(loaded, click.Group()) == ()
    print(sorted({"numpy", "onnxruntime", "torch", "scipy", "PIL"} & set(sys.modules)))
    """
    assert run_python(code) == "[]\n"


def test_nothing_is_loaded_at_import(tmp_path: Path) -> None:
    Site(tmp_path).install("eager", "raise SystemExit('loaded')")
    code = f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    import distortion_heads.registry.build
    print("eager" in sys.modules)
    """
    assert run_python(code) == "False\n"
