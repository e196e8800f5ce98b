from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest

from distortion_heads.errors import BackboneMismatchError, HeadFileError
from distortion_heads.registry.attached import load_banks, problem_lines
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.registry.discovery import LoadedPlugins
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef
from helpers.installed_plugins import Site
from helpers.sample_heads import FINGERPRINT, make_head

DIM, N = 512, 20
TINY = BackboneRef(name="tiny", fingerprint=FINGERPRINT, dim=DIM)


@pytest.fixture
def attached(tmp_path: Path) -> Registry:
    store = Store(tmp_path)
    for i in range(N):
        store.save(make_head(f"head{i:02d}", dim=DIM, hidden=(64,), seed=i), overwrite=False)
    return build_registry(user_heads=store.user_plugin(), loaded=LoadedPlugins(plugins=(), failures=()))


def test_banks_hold_the_weights_of_their_heads_and_no_empty_room(attached: Registry) -> None:
    chosen = attached.select(None)
    load_banks(chosen[:1], TINY, must_work=True)  # what is imported on first use
    tracemalloc.start()
    banks, labels, problems = load_banks(chosen, TINY, must_work=True)
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    heads = banks["native"].heads
    own = sum(layer.weight.nbytes + layer.bias.nbytes for head in heads for layer in head.layers)
    assert (len(labels), problems) == (N, ())
    assert own < current < 1.2 * own


def test_what_heads_were_trained_with_is_held_once(attached: Registry) -> None:
    banks, _, _ = load_banks(attached.select(None), TINY, must_work=True)
    assert len({id(head.provenance.versions) for head in banks["native"].heads}) == 1


def test_a_head_of_another_backbone_is_a_problem_unless_it_was_asked_for(attached: Registry) -> None:
    other = BackboneRef(name="tiny", fingerprint="9" * 64, dim=DIM)
    banks, labels, problems = load_banks(attached.select(None), other, must_work=False)
    assert (len(banks["native"]), labels, len(problems)) == (0, (), N)
    assert str(problems[0]).startswith("head 'head00' is left out: ")
    (line,) = problem_lines(problems)
    assert line == (
        f"{N} heads were made for another backbone: head00, head01, head02 and {N - 3} more are left out: "
        "train one again with `dheads add-head LABEL --data PATH --force`"
    )
    (line,) = problem_lines(problems, "my run")
    assert "fit them again with `dheads train --refit-heads --images DIR --out 'my run'`, or train one" in line
    assert line.endswith("`dheads add-head LABEL --data PATH --backbone 'my run'`")
    assert problem_lines(problems[:1]) == [str(problems[0])]
    with pytest.raises(BackboneMismatchError, match="head 'head00': "):
        load_banks(attached.select(["head00"]), other, must_work=True)


def test_the_plugin_of_a_head_that_cannot_be_used_is_named(site: Site) -> None:
    owner = site.install(
        "odd", "from pathlib import Path\n@hookimpl\ndef dheads_heads(): yield head('odd', weights=Path('/dev/zero'))"
    )
    registry = build_registry(environ={})
    _, _, (problem,) = load_banks(registry.select(["odd"]), TINY, must_work=False)
    assert str(problem) == f"head 'odd' is left out: plugin {owner}: /dev/zero: cannot be read: not a regular file"
    with pytest.raises(HeadFileError, match=re.escape(f"head 'odd': plugin {owner}: /dev/zero")):
        load_banks(registry.select(["odd"]), TINY, must_work=True)
