"""What plugins and the user contribute, who owns it, and what happens to those that break their promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from distortion_heads.errors import InvalidLabelError, PluginError, UnknownHeadError
from distortion_heads.hookspecs import hookimpl
from distortion_heads.registry.build import PluginInfo, Registry, build_registry
from distortion_heads.registry.discovery import Owner
from distortion_heads.spec import HeadSpec, Make
from helpers.installed_plugins import GOOD, Site, only_failure

MAKE = Make(name="box_blur", description="The mean of a square.", synthesize=lambda image, severity, rng: image)


def build(**environ: str) -> Registry:
    return build_registry(environ=environ)


def info(registry: Registry, owner: Owner) -> PluginInfo:
    return next(plugin for plugin in registry.plugins if plugin.owner == owner)


class UserHeads:
    """Stands for the user's folder of heads."""

    def __init__(self, folder: Path, *specs: HeadSpec) -> None:
        self.folder = folder
        self.specs = specs

    @hookimpl
    def dheads_heads(self) -> Iterable[HeadSpec]:
        return self.specs

    def broken(self) -> Iterable[tuple[Path, str]]:
        return [(self.folder / "torn.safetensors", "truncated")] if self.specs and self.specs[0].label == "torn" else []


def spec(label: str, **more: Any) -> HeadSpec:
    return HeadSpec(label=label, title="T", family="blur", description="D", **more)


def test_heads_hook(site: Site) -> None:
    owner = site.install("good", GOOD, version="2.5")
    registry = build()
    assert registry.heads["good_two"].owner == owner == Owner(distribution="good", version="2.5", name="good")
    plugin = info(registry, owner)
    assert (plugin.heads, plugin.backbones, plugin.hooks) == (("good_one", "good_two"), (), ("dheads_heads",))


def test_backbones_hook(site: Site) -> None:
    owner = site.install(
        "spine",
        """
        from pathlib import Path

        @hookimpl
        def dheads_backbones():
            yield BackboneSpec(name="spine", weights=Path("spine.safetensors"), graph=Path("spine.onnx"))
        """,
    )
    registry = build()
    assert registry.failures == ()
    assert registry.backbones["spine"].owner == owner
    assert registry.backbones["spine"].spec.graph == Path("spine.onnx")
    assert info(registry, owner).backbones == ("spine",)


def test_registry_cannot_be_changed(site: Site) -> None:
    registry = build()
    with pytest.raises(TypeError):
        registry.heads["x"] = registry.heads["gaussian_blur"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        registry.heads = {}  # type: ignore[misc]


def test_select_keeps_the_order_asked_for(site: Site) -> None:
    site.install("good", GOOD)
    registry = build()
    labels = [head.spec.label for head in registry.select(["good_two", "gaussian_blur", "good_two"])]
    assert labels == ["good_two", "gaussian_blur"]
    assert registry.select(None) == tuple(registry.heads.values())
    assert registry.select([]) == ()


def mixed_registry(tmp_path: Path) -> Registry:
    """Kinds of the family blur with and without weights, and its own head, which comes between them."""
    weights = tmp_path / "some.safetensors"
    specs = (spec("soft", weights=weights), spec("blur", scope="family", weights=weights), spec("hazy"))
    return build_registry(environ={"DHEADS_LOAD_PLUGINS": ""}, user_heads=UserHeads(tmp_path, *specs))


def test_a_family_means_its_own_head_and_its_kinds(tmp_path: Path) -> None:
    registry = mixed_registry(tmp_path)
    chosen = [head.spec.label for head in registry.select(["jpeg", "blur", "soft"])]
    assert chosen == ["jpeg", "blur", "gaussian_blur", "lens_blur", "motion_blur", "soft", "hazy"]
    chosen = [head.spec.label for head in registry.select(["blur"], member=lambda spec: spec.weights is not None)]
    assert chosen == ["blur", "gaussian_blur", "lens_blur", "motion_blur", "soft"]
    makers = [head.spec.label for head in registry.select(["blur"], member=lambda spec: spec.can_synthesize)]
    assert makers == ["gaussian_blur", "lens_blur", "motion_blur"]


def test_a_family_without_a_head_of_its_own_means_its_kinds() -> None:
    assert {head.spec.label for head in build().select(["temporal"])} == {"flicker", "frozen_frames"}
    with pytest.raises(UnknownHeadError, match=r"no head of the family 'temporal' can be used here \(flicker"):
        build().select(["temporal"], member=lambda _: False)
    with pytest.raises(UnknownHeadError, match="no head 'lights': did you mean light"):
        build().select(["lights"])


def test_of_two_family_heads_the_first_stays(site: Site) -> None:
    late = site.install("a", "@hookimpl\ndef dheads_heads(): return [head('blur', scope='family')]")
    registry = build()
    assert registry.heads["blur"].owner.name == "builtin"
    failure = only_failure(registry, late)
    assert (failure.stage, str(registry.heads["blur"].owner) in failure.reason) == ("conflict", True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scope": "genus"}, r"scope must be one of \('kind', 'family', 'quality'\), not 'genus'"),
        ({"label": "soft", "scope": "family"}, "labelled 'blur', as its family"),
        ({"scope": "family", "synthesize": lambda image, severity, rng: image}, "has makes, not synthesize"),
        ({"label": "soft", "makes": (MAKE,)}, "makes is for the scope 'family'"),
        ({"scope": "family", "makes": (MAKE, MAKE)}, "the same name"),
        ({"scope": "family", "makes": [MAKE]}, "must be a tuple of Make"),
        ({"scope": "family", "makes": ("box_blur",)}, "must be a tuple of Make"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        HeadSpec(**{"label": "blur", "title": "T", "family": "blur", "description": "D", **fields})


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "Box blur"}, InvalidLabelError),
        ({"description": None}, TypeError),
        ({"synthesize": None}, TypeError),
        ({"stage": "lens"}, ValueError),
    ],
)
def test_a_make_that_makes_no_sense_is_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        replace(MAKE, **fields)


def test_unknown_head_suggests_the_close_one() -> None:
    with pytest.raises(UnknownHeadError, match=r"no head 'gausian_blur': did you mean gaussian_blur.*`dheads list`"):
        build().select(["gausian_blur"])


def test_unknown_head_mentions_failed_plugins(site: Site) -> None:
    site.install("broken", "raise ImportError('no such library')")
    with pytest.raises(UnknownHeadError, match="`dheads plugins`"):
        build().head("its_head")


@pytest.mark.parametrize(
    ("source", "stage", "reason"),
    [
        ("@hookimpl\ndef dheads_heads(): raise ValueError('two\\nlines')", "dheads_heads", "ValueError: two lines"),
        ("@hookimpl\ndef dheads_heads(): raise SystemExit", "dheads_heads", "called sys.exit(None)"),
        ("@hookimpl\ndef dheads_heads():\n    yield head('half')\n    1 / 0", "dheads_heads", "ZeroDivisionError: "),
        (
            "@hookimpl\ndef dheads_heads(): return head('half')",
            "dheads_heads",
            "dheads_heads returned HeadSpec, not an",
        ),
        ("@hookimpl\ndef dheads_heads(): head('half')", "dheads_heads", "dheads_heads returned None, not an iterable"),
        (
            "@hookimpl\ndef dheads_heads(): return [head('half'), 'sharp']",
            "dheads_heads",
            "dheads_heads gave str where",
        ),
        (
            "@hookimpl\ndef dheads_heads(): return [head('Half Tone')]",
            "dheads_heads",
            "label 'Half Tone' is no identifier",
        ),
        (
            "class Odd(str):\n    def __eq__(self, other): return False\n    def __hash__(self): return 0\n"
            "@hookimpl\ndef dheads_heads(): return [head('half'), head(Odd('gaussian_blur'))]",
            "dheads_heads",
            "label 'gaussian_blur' must be a plain str, not Odd",
        ),
        (
            "@hookimpl\ndef dheads_heads(): return [head('half', weights='half.safetensors')]",
            "dheads_heads",
            "half: weights must be a Path or Traversable, not str",
        ),
        (
            "@hookimpl\ndef dheads_heads(): return [head('half', synthesize='half')]",
            "dheads_heads",
            "half: synthesize is no function",
        ),
        (
            "@hookimpl\ndef dheads_heads(): return [head('half')]\n"
            "@hookimpl\ndef dheads_backbones(): return [head('half')]",
            "dheads_backbones",
            "dheads_backbones gave HeadSpec where BackboneSpec is wanted",
        ),
        (
            "@hookimpl\ndef dheads_backbones(): return [BackboneSpec(name=[], weights=None, graph=None)]",
            "dheads_backbones",
            "name [] must be a plain str, not list",
        ),
        (
            "@hookimpl\ndef dheads_backbones(): return [BackboneSpec(name='b', weights=None, graph=None)]",
            "dheads_backbones",
            "b: weights must be a Path or Traversable, not NoneType",
        ),
    ],
)
def test_broken_hook_is_reported_and_hurts_no_other(site: Site, source: str, stage: str, reason: str) -> None:
    broken = site.install("broken", source)
    site.install("good", GOOD)
    registry = build()
    failure = only_failure(registry, broken)
    assert failure.stage == stage
    assert failure.reason.startswith(reason)
    assert "half" not in registry.heads
    assert {"gaussian_blur", "good_one", "good_two"} <= set(registry.heads)


def test_taken_label_stays_with_its_first_owner(site: Site) -> None:
    first = site.install("alpha", "@hookimpl\ndef dheads_heads(): return [head('common')]", version="1.2")
    second = site.install(
        "beta", "@hookimpl\ndef dheads_heads(): return [head('common'), head('beta_own')]", version="3.4"
    )
    registry = build()
    failure = only_failure(registry, second)
    assert failure.stage == "conflict"
    assert "'common'" in failure.reason
    assert "alpha 1.2" in failure.reason
    assert "beta 3.4" in failure.reason
    assert registry.heads["common"].owner == first
    assert registry.heads["beta_own"].owner == second
    assert info(registry, second).heads == ("beta_own",)


def test_one_label_twice_in_one_plugin(site: Site) -> None:
    owner = site.install(
        "twice", "@hookimpl\ndef dheads_heads(): return [head('same', source='1'), head('same', source='2')]"
    )
    registry = build()
    assert only_failure(registry, owner).stage == "conflict"
    assert registry.heads["same"].spec.source == "1"
    assert info(registry, owner).heads == ("same",)


def test_builtin_label_cannot_be_taken(site: Site) -> None:
    thief = site.install("aaa", "@hookimpl\ndef dheads_heads(): return [head('gaussian_blur')]")
    registry = build()
    assert only_failure(registry, thief).stage == "conflict"
    assert registry.heads["gaussian_blur"].owner.is_builtin


def test_taken_backbone_name(site: Site) -> None:
    source = """
    from pathlib import Path

    @hookimpl
    def dheads_backbones():
        return [BackboneSpec(name="spine", weights=Path(__file__), graph=Path(__file__))]
    """
    first, second = site.install("alpha", source), site.install("beta", source)
    registry = build()
    assert only_failure(registry, second).stage == "conflict"
    assert registry.backbones["spine"].owner == first


def test_strict(site: Site) -> None:
    build().raise_failures()
    site.install("broken-one", "1 / 0")
    site.install("broken-two", "raise SystemExit('bye')")
    with pytest.raises(PluginError) as caught:
        build().raise_failures()
    message = str(caught.value)
    assert "broken-one 1.0 (broken_one), load: ZeroDivisionError" in message
    assert "broken-two 1.0 (broken_two), load: called sys.exit('bye')" in message
    assert "--no-plugins" in message
    assert "\n" not in message


def test_user_heads_enter_last_and_through_the_hook(site: Site, tmp_path: Path) -> None:
    site.install("zzz", GOOD)
    registry = build_registry(user_heads=UserHeads(tmp_path, spec("mine")), environ={})
    assert registry.failures == ()
    assert registry.heads["mine"].owner == Owner(distribution="user", version="", name=str(tmp_path))
    assert registry.plugins[-1].heads == ("mine",)


def test_user_heads_give_way_to_an_installed_head_with_weights(site: Site, tmp_path: Path) -> None:
    first = site.install(
        "good", "from pathlib import Path\n@hookimpl\ndef dheads_heads(): return [head('both', weights=Path('a'))]"
    )
    user = UserHeads(tmp_path, spec("both", weights=tmp_path / "both.safetensors"), spec("mine"))
    registry = build_registry(user_heads=user, environ={})
    (failure,) = registry.failures
    assert (failure.stage, failure.owner.distribution) == ("conflict", "user")
    assert registry.heads["both"].owner == first
    assert "mine" in registry.heads


def test_user_weights_complete_a_distortion_that_has_none(site: Site, tmp_path: Path) -> None:
    site.install(
        "maker", "@hookimpl\ndef dheads_heads(): return [head('made', synthesize=lambda i, s, r: i, source='S')]"
    )
    weights = tmp_path / "made.safetensors"
    registry = build_registry(
        user_heads=UserHeads(tmp_path, spec("made", weights=weights, view="overview")), environ={}
    )
    assert registry.failures == ()
    made = registry.heads["made"]
    assert (made.spec.weights, made.spec.source, made.spec.view) == (weights, "S", "overview")
    assert made.spec.synthesize is not None
    assert made.owner.distribution == "user"


def test_a_broken_user_file_is_a_failure_and_the_others_stay(tmp_path: Path) -> None:
    registry = build_registry(user_heads=UserHeads(tmp_path, spec("torn")), environ={})
    assert [(f.stage, f.reason) for f in registry.failures] == [("dheads_heads", "torn.safetensors: truncated")]
    assert "torn" in registry.heads
    assert "gaussian_blur" in registry.heads


def test_unusable_user_heads_leave_the_installed_ones(tmp_path: Path) -> None:
    class Broken(UserHeads):
        @hookimpl
        def dheads_heads(self) -> Iterable[HeadSpec]:
            raise PermissionError("denied")

    registry = build_registry(user_heads=Broken(tmp_path), environ={})
    assert [failure.stage for failure in registry.failures] == ["dheads_heads"]
    assert "gaussian_blur" in registry.heads
