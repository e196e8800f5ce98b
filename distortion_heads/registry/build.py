"""Build the registry of heads and backbones from the plugins that loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from distortion_heads.errors import PluginError, RegistryError, UnknownHeadError
from distortion_heads.registry.discovery import (
    USER,
    FailureLog,
    LoadedPlugin,
    LoadedPlugins,
    Owner,
    PluginFailure,
    UserPlugin,
    load_plugins,
    register,
)
from distortion_heads.registry.guarded import guarded
from distortion_heads.spec import FAMILY, BackboneSpec, HeadSpec

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

MAX_SPECS = 100_000
"""Most heads or backbones of one plugin: a generator may have no end."""

PROFILE_SUFFIX = ".json"

_Spec = TypeVar("_Spec", HeadSpec, BackboneSpec)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredHead:
    """A head and who brought it. `owner` is the user where the user trained the weights of a plugin's distortion."""

    spec: HeadSpec
    owner: Owner


@dataclass(frozen=True, kw_only=True)
class RegisteredBackbone:
    """A backbone and who brought it."""

    spec: BackboneSpec
    owner: Owner


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """One loaded plugin: the names of the heads and backbones taken from it, and of the hooks that it implements."""

    owner: Owner
    heads: tuple[str, ...]
    backbones: tuple[str, ...]
    hooks: tuple[str, ...]


@dataclass(frozen=True)
class Registry:
    """All heads by label and all backbones by name, in order of their plugins; both mappings are read-only."""

    heads: Mapping[str, RegisteredHead]
    backbones: Mapping[str, RegisteredBackbone]
    plugins: tuple[PluginInfo, ...]
    failures: tuple[PluginFailure, ...]

    def head(self, label: str) -> RegisteredHead:
        """Return the head of that label; raise `UnknownHeadError`, which names similar labels."""
        if label in self.heads:
            return self.heads[label]
        import difflib

        names = dict.fromkeys((*self.heads, *(head.spec.family for head in self.heads.values())))
        close = difflib.get_close_matches(label, names, n=3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        broken = f"; {len(self.failures)} plugin failure(s), see `dheads plugins`" if self.failures else ""
        raise UnknownHeadError(f"no head {label!r}: {hint}`dheads list` shows them all{broken}")

    def select(
        self, names: Sequence[str] | None, member: Callable[[HeadSpec], bool] = lambda _: True
    ) -> tuple[RegisteredHead, ...]:
        """Return the heads of `names`, in that order and each once; all for None.

        A family's name means its own head and those of its kinds, as far as they fulfil `member`; a kind of that name
        goes first. Raises `UnknownHeadError`, for a family without such a head too.
        """
        if names is None:
            return tuple(self.heads.values())
        chosen = (head for name in names for head in self._named(name, member))
        return tuple({head.spec.label: head for head in chosen}.values())

    def family(self, name: str) -> tuple[RegisteredHead, ...]:
        """Return the heads of that family, its own first."""
        members = (head for head in self.heads.values() if head.spec.family == name)
        return tuple(sorted(members, key=lambda head: head.spec.scope != FAMILY))

    def _named(self, name: str, member: Callable[[HeadSpec], bool]) -> tuple[RegisteredHead, ...]:
        if name in self.heads and self.heads[name].spec.scope != FAMILY:
            return (self.heads[name],)
        members = self.family(name)
        if found := tuple(head for head in members if member(head.spec)):
            return found
        if members:
            listed = ", ".join(head.spec.label for head in members)
            raise UnknownHeadError(
                f"no head of the family {name!r} can be used here ({listed}): `dheads list` shows what they are"
            )
        return (self.head(name),)

    def profiles(self) -> dict[str, Path | Traversable]:
        """Return the files NAME.json of profiles that come with heads, by name; of two, that of the first head."""
        files = [file for head in self.heads.values() for file in head.spec.profiles]
        return {file.name.removesuffix(PROFILE_SUFFIX): file for file in reversed(files)}

    def raise_failures(self) -> None:
        """Raise `PluginError` with a list of the failures, if there are any."""
        if self.failures:
            listed = "; ".join(str(failure) for failure in self.failures)
            raise PluginError(f"{listed}; mend or uninstall them, or use --no-plugins")


def build_registry(
    *,
    user_heads: UserPlugin | None = None,
    no_plugins: bool = False,
    environ: Mapping[str, str] = os.environ,
    loaded: LoadedPlugins | None = None,
) -> Registry:
    """Ask each plugin for its heads and backbones; never raises for a broken plugin.

    `user_heads` enter last, through the same hook. With `loaded`, `no_plugins` and `environ` have no effect.
    """
    loaded = load_plugins(environ, no_plugins) if loaded is None else loaded
    log = FailureLog(trace=loaded.trace, failures=list(loaded.failures))
    plugins = list(loaded.plugins)
    if user_heads is not None:
        owner = Owner(distribution=USER, version="", name=str(user_heads.folder))
        with log.isolate(owner, "register"):
            plugins.append(register(user_heads, owner, trace=loaded.trace))

    heads: dict[str, RegisteredHead] = {}
    backbones: dict[str, RegisteredBackbone] = {}
    infos = []
    for plugin in plugins:
        head_specs, backbone_specs = _contribution(plugin, log)
        info = PluginInfo(
            owner=plugin.owner,
            heads=tuple(s.label for s in head_specs if _add_head(heads, s, plugin.owner, log)),
            backbones=tuple(s.name for s in backbone_specs if _add_backbone(backbones, s, plugin.owner, log)),
            hooks=plugin.hooks,
        )
        infos.append(info)
    if user_heads is not None and not any(failure.owner == owner for failure in log.failures):
        with log.isolate(owner, "dheads_heads"):
            for file, reason in user_heads.broken():
                log.add(owner, "dheads_heads", f"{file.name}: {reason}")
    return Registry(MappingProxyType(heads), MappingProxyType(backbones), tuple(infos), tuple(log.failures))


def _contribution(plugin: LoadedPlugin, log: FailureLog) -> tuple[tuple[HeadSpec, ...], tuple[BackboneSpec, ...]]:
    """Return all that the plugin brings, or nothing if either hook fails."""
    with log.isolate(plugin.owner, "dheads_heads"):
        heads = _specs(plugin, "dheads_heads", HeadSpec)
        with log.isolate(plugin.owner, "dheads_backbones"):
            return heads, _specs(plugin, "dheads_backbones", BackboneSpec)
    return (), ()


def _specs(plugin: LoadedPlugin, hook: str, kind: type[_Spec]) -> tuple[_Spec, ...]:
    results = plugin.call(hook)
    if len(results) < len(plugin.implementations(hook)):
        raise RegistryError(f"{hook} returned None, not an iterable of {kind.__name__}")
    checked = (spec for result in results for spec in _checked(result, hook, kind, plugin.owner))
    specs = tuple(islice(checked, MAX_SPECS + 1))
    if len(specs) > MAX_SPECS:
        raise RegistryError(f"{hook} gave more than {MAX_SPECS} of {kind.__name__}")
    return specs


def _checked(result: object, hook: str, kind: type[_Spec], owner: Owner) -> Iterable[_Spec]:
    if not isinstance(result, Iterable):
        raise RegistryError(f"{hook} returned {type(result).__name__}, not an iterable of {kind.__name__}")
    for spec in result:
        if not isinstance(spec, kind):
            raise RegistryError(f"{hook} gave {type(spec).__name__} where {kind.__name__} is wanted")
        _check_fields(spec)
        yield spec if owner.is_builtin or owner.distribution == USER else guarded(spec, owner)


def _check_fields(spec: HeadSpec | BackboneSpec) -> None:
    """Check what a type checker would have; the rest is checked as the spec is made."""
    from importlib.resources.abc import Traversable

    name = spec.label if isinstance(spec, HeadSpec) else spec.name
    files = {"weights": spec.weights}
    if isinstance(spec, BackboneSpec):
        files["graph"] = spec.graph
    texts = {"name": name} if isinstance(spec, BackboneSpec) else {"label": name, "family": spec.family}
    for field, text in texts.items():
        if type(text) is not str:  # a subclass may compare as it likes, and take the place of another's name
            raise RegistryError(f"{field} {text!r} must be a plain str, not {type(text).__name__}")
    for function in ("network",) if isinstance(spec, BackboneSpec) else ("synthesize", "synthesize_clip"):
        value = getattr(spec, function)
        if not (value is None or callable(value)):
            raise RegistryError(f"{name}: {function} is no function")
    for field, file in files.items():
        optional = isinstance(spec, HeadSpec) and file is None
        if not (optional or isinstance(file, (Path, Traversable))):  # to ask the protocol takes long
            raise RegistryError(f"{name}: {field} must be a Path or Traversable, not {type(file).__name__}")


def _add_head(heads: dict[str, RegisteredHead], spec: HeadSpec, owner: Owner, log: FailureLog) -> bool:
    """Add the head unless its label is taken; return whether it was added."""
    taken = heads.get(spec.label)
    if taken is None:
        heads[spec.label] = RegisteredHead(spec=spec, owner=owner)
    elif owner.distribution == USER and taken.spec.weights is None:
        # `add-head LABEL --clean DIR` trains a distortion that its plugin can make but not yet detect.
        heads[spec.label] = RegisteredHead(spec=replace(taken.spec, weights=spec.weights, view=spec.view), owner=owner)
    else:
        log.add(owner, "conflict", f"label {spec.label!r} is taken by {taken.owner}; the one of {owner} is left out")
        return False
    return True


def _add_backbone(backbones: dict[str, RegisteredBackbone], spec: BackboneSpec, owner: Owner, log: FailureLog) -> bool:
    """Add the backbone unless its name is taken; return whether it was added."""
    taken = backbones.get(spec.name)
    if taken is None:
        backbones[spec.name] = RegisteredBackbone(spec=spec, owner=owner)
        return True
    log.add(owner, "conflict", f"backbone {spec.name!r} is taken by {taken.owner}; the one of {owner} is left out")
    return False
