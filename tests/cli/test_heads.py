"""`dheads list`, `show`, `remove-head` and `plugins`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from distortion_heads.heads.head import HeadMetrics
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach
from helpers.contracts import assert_valid
from helpers.installed_plugins import Site

SUMMARY = [
    "label", "title", "family", "scope", "view", "trained", "severity", "auroc", "threshold", "owner",
    "problem", "srocc",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def test_list_names_every_head_once(dheads: Dheads) -> None:
    result = dheads("list", "--json")
    found = {item["label"]: item for item in map(json.loads, result.lines)}
    assert len(found) == len(result.lines)
    assert {"gaussian_blur", "always", "never_here"} <= set(found)
    assert all(list(item) == SUMMARY for item in found.values())
    assert found["always"]["owner"].startswith("user ")
    assert found["always"]["severity"] is True
    assert found["never_here"]["severity"] is False
    assert found["always"]["auroc"] == 0.99
    assert found["gaussian_blur"]["owner"].startswith("distortion-heads ")


def test_list_as_text(dheads: Dheads, home: Path, ref: BackboneRef) -> None:
    attach(home, ref, "unmeasured", metrics=HeadMetrics(split="none", n=0))
    result = dheads("list")
    header, *rows = (line.split() for line in result.lines if line)
    assert header == ["label", "title", "family", "view", "severity", "AUROC", "owner"]
    row = next(row for row in rows if row[0] == "always")
    assert row == ["always", "Always", "odd", "native", "yes", "0.990", "user"]
    assert next(row for row in rows if row[0] == "unmeasured")[-2:] == ["-", "user"]


def test_list_goes_on_without_a_head_that_cannot_be_used(dheads: Dheads, home: Path) -> None:
    attach(home, BackboneRef(name="other", fingerprint="ab" * 32, dim=12), "foreign")
    result = dheads("list", "--json")
    found = {item["label"]: item for item in map(json.loads, result.lines)}
    assert result.code == 0
    assert found["foreign"]["trained"] is False
    assert "ab" * 32 in found["foreign"]["problem"]
    assert "ab" * 32 in result.error


def test_show_says_all_that_the_file_says(dheads: Dheads, home: Path, ref: BackboneRef) -> None:
    path = home / "heads" / "always.safetensors"
    result = dheads("show", "always", "--json")
    (line,) = result.lines
    card = json.loads(line)
    assert list(card) == [*SUMMARY, "description", "source", "synthesizer", "makes", "file", "bytes", "metadata"]
    assert (card["file"], card["bytes"]) == (str(path), path.stat().st_size)
    assert card["metadata"]["backbone"]["fingerprint"] == ref.fingerprint
    assert card["metadata"]["provenance"]["n_pos"] == 20


def test_show_as_text(dheads: Dheads, ref: BackboneRef) -> None:
    text = dheads("show", "always").out
    for fact in (
        ref.fingerprint,
        "platt, offset -0.25, scale 0.8",
        "0.0000 (fixed)",
        "0.9900",
        "not measured",
        "20 positive, 21 negative",
        "CC0-1.0",
        "dheads add-head white_noise --data photos",
        "KiB",
    ):
        assert fact in text


def test_show_a_distortion_that_has_no_weights(dheads: Dheads, site: Site) -> None:
    site.install("weather", "@hookimpl\ndef dheads_heads(): return [head('rain')]")
    card = json.loads(dheads("show", "rain", "--json").out)
    assert (card["trained"], card["metadata"], card["file"], card["bytes"]) == (False, None, None, None)
    assert "none yet" in dheads("show", "rain").out


def test_unknown_head(dheads: Dheads) -> None:
    result = dheads("show", "allways")
    assert (result.code, result.out) == (2, "")
    assert "did you mean always?" in result.error


def test_remove_head(dheads: Dheads, home: Path) -> None:
    path = home / "heads" / "always.safetensors"
    result = dheads("remove-head", "always", "--yes")
    assert (result.code, result.out, result.err) == (0, f"removed {path}\n", "")
    assert not path.exists()
    assert (home / "heads" / "never_here.safetensors").exists()
    assert dheads("remove-head", "always", "--yes").code == 2


def test_damaged_head_can_be_removed(dheads: Dheads, home: Path) -> None:
    path = home / "heads" / "always.safetensors"
    path.write_bytes(b"")
    assert dheads("remove-head", "always", "--yes").code == 0
    assert not path.exists()


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("n", False), ("", False)])
def test_remove_asks_a_person(
    dheads: Dheads, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, removed: bool
) -> None:
    monkeypatch.setattr("dheads_cli.commands.remove_head.is_terminal", lambda stream: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)
    result = dheads("remove-head", "always")
    assert result.code == (0 if removed else 1)
    assert (home / "heads" / "always.safetensors").exists() is not removed


@pytest.mark.parametrize("given_up", [KeyboardInterrupt, EOFError])
def test_a_question_that_is_given_up_is_a_no_on_a_line_of_its_own(
    dheads: Dheads, home: Path, monkeypatch: pytest.MonkeyPatch, given_up: type[BaseException]
) -> None:
    def give_up(prompt: str) -> str:
        print(prompt, end="", file=sys.stderr)
        raise given_up

    monkeypatch.setattr("dheads_cli.commands.remove_head.is_terminal", lambda stream: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", give_up)
    result = dheads("remove-head", "always")
    assert result.code == 1
    assert result.err.splitlines()[-1] == "dheads: nothing was deleted"
    assert (home / "heads" / "always.safetensors").exists()


def test_head_of_a_package_is_not_removed(dheads: Dheads, site: Site) -> None:
    owner = site.install("weather", "@hookimpl\ndef dheads_heads(): return [head('rain')]", version="2.1")
    result = dheads("remove-head", "rain", "--yes")
    assert (result.code, result.out) == (1, "")
    assert str(owner) in result.error


@pytest.mark.parametrize("label", ["../always", "Always", "always.safetensors", ""])
def test_remove_what_is_no_label(dheads: Dheads, home: Path, label: str) -> None:
    assert dheads("remove-head", label, "--yes").code == 2
    assert (home / "heads" / "always.safetensors").exists()


def test_plugins(dheads: Dheads, site: Site) -> None:
    site.install("weather", "@hookimpl\ndef dheads_heads(): return [head('rain'), head('hail')]", version="2.1")
    result = dheads("plugins", "--json")
    found = {item["distribution"]: item for item in map(json.loads, result.lines)}
    for item in found.values():
        assert_valid("plugins", item)
    assert found["weather"] == {
        "distribution": "weather",
        "version": "2.1",
        "name": "weather",
        "hooks": ["dheads_heads"],
        "heads": ["rain", "hail"],
        "backbones": [],
    }
    assert found["user"]["heads"] == ["always", "never_here"]
    row = next(line.split() for line in dheads("plugins").lines if line.startswith("weather"))
    assert row == ["weather", "2.1", "weather", "heads", "2", "-"]


BROKEN = {
    "import": ("import no_such_library", "load", "no_such_library"),
    "exit": ("import sys\nsys.exit(3)", "load", "sys.exit(3)"),
    "misspelt": ("@hookimpl\ndef dheads_haeds(): return []", "register", "did you mean dheads_heads?"),
    "type": ("@hookimpl\ndef dheads_heads(): return 7", "dheads_heads", "int"),
    "generator": ("@hookimpl\ndef dheads_heads():\n    yield head('rain')\n    1 / 0", "dheads_heads", "ZeroDivision"),
    "taken": ("@hookimpl\ndef dheads_heads(): return [head('gaussian_blur')]", "conflict", "distortion-heads"),
    "command": ("@hookimpl\ndef dheads_commands(cli): raise ValueError('no')", "dheads_commands", "ValueError: no"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_plugin(dheads: Dheads, site: Site, pictures: list[Path], kind: str) -> None:
    source, stage, reason = BROKEN[kind]
    site.install("broken", source)
    result = dheads("plugins", "--json")
    (failure,) = (item for item in map(json.loads, result.lines) if "stage" in item)
    assert_valid("plugins", failure)
    assert list(failure) == ["distribution", "version", "name", "stage", "reason"]
    assert (failure["distribution"], failure["version"], failure["stage"]) == ("broken", "1.0", stage)
    assert reason in failure["reason"]
    assert (result.code, result.err) == (0, "")
    assert dheads("plugins", "--strict").code == dheads("--strict", "plugins").code == 1
    if stage == "dheads_commands":
        return
    predicted = dheads("predict", "--heads", "always", pictures[0])
    assert (predicted.code, len(predicted.lines)) == (0, 1)
    assert "broken 1.0" in predicted.error
    strict = dheads("--strict", "predict", pictures[0])
    assert (strict.code, strict.out) == (1, "")
    assert "broken 1.0" in strict.error
    assert dheads("--no-plugins", "--strict", "predict", pictures[0]).code == 0


def test_damaged_head_file_is_among_the_failures(dheads: Dheads, home: Path) -> None:
    path = home / "heads" / "always.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    result = dheads("plugins", "--json")
    (failure,) = (item for item in map(json.loads, result.lines) if "stage" in item)
    assert (failure["distribution"], failure["name"]) == ("user", str(path.parent))
    assert path.name in failure["reason"]
    assert "failed" in dheads("plugins").lines
    assert dheads("plugins", "--strict").code == 1


def test_unknown_command(dheads: Dheads, site: Site, pictures: list[Path]) -> None:
    site.install("broken", "import no_such_library")
    result = dheads("predictt")
    assert (result.code, result.out) == (2, "")
    failure, error = result.err.splitlines()
    assert "no_such_library" in failure
    assert "did you mean `dheads predict`?" in error
    assert f"did you mean `dheads predict {pictures[0]}`?" in dheads(pictures[0]).err


def test_without_command_the_help_is_shown(dheads: Dheads) -> None:
    result = dheads()
    assert (result.code, result.out) == (2, "")
    assert "add-head" in result.err
