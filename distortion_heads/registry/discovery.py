"""Load the installed plugins, each isolated from the others."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import pluggy

from distortion_heads import hookspecs
from distortion_heads.errors import RegistryError
from distortion_heads.registry.contained import contained, failure_reason
from distortion_heads.spec import HeadSpec

PluginStage: TypeAlias = Literal["load", "register", "dheads_heads", "dheads_backbones", "dheads_commands", "conflict"]

GROUP = hookspecs.PROJECT
HOOKS = ("dheads_heads", "dheads_backbones", "dheads_commands")
BUILTIN_DISTRIBUTION, BUILTIN_MODULES = "distortion-heads", ("dheads_plugins", "dheads_icip2020")
USER = "user"
LOAD_VARIABLE = "DHEADS_LOAD_PLUGINS"
TRACE_VARIABLE = "DHEADS_TRACE_PLUGINS"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Where a plugin comes from. `name`: its entry point; the user's heads have `user`, no version, and a folder.

    `is_builtin`: its module lies beside this package, whatever its distribution is called.
    """

    distribution: str
    version: str
    name: str
    is_builtin: bool = False

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.distribution, self.version)))} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class PluginFailure:
    """A fault of one plugin, in one line."""

    owner: Owner
    stage: PluginStage
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.owner}, {self.stage}: {self.reason}"


class UserPlugin(Protocol):
    """The user's own heads: an object whose `dheads_heads` is a hookimpl, and the folder that they come from.

    `broken()` gives each file that cannot be used, with the reason.
    """

    @property
    def folder(self) -> Path: ...

    def dheads_heads(self) -> Iterable[HeadSpec]: ...

    def broken(self) -> Iterable[tuple[Path, str]]: ...


@dataclass(frozen=True, kw_only=True)
class LoadedPlugin:
    """A plugin in a pluggy manager of its own, so that a hook call reaches it alone."""

    owner: Owner
    manager: pluggy.PluginManager

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks that the plugin implements."""
        return tuple(hook for hook in HOOKS if self.implementations(hook))

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        return caller.get_hookimpls()

    def call(self, hook: str, **arguments: object) -> list[object]:
        """Return the results of the plugin's implementations of `hook`, without those that are None."""
        results: list[object] = getattr(self.manager.hook, hook)(**arguments)
        return results


@dataclass(frozen=True, kw_only=True)
class LoadedPlugins:
    """All plugins that loaded, built-ins first, and what failed on the way."""

    plugins: tuple[LoadedPlugin, ...]
    failures: tuple[PluginFailure, ...]
    trace: bool = False


@dataclass(kw_only=True)
class FailureLog:
    """Collects failures; with `trace` the traceback of each goes to stderr."""

    trace: bool
    failures: list[PluginFailure] = field(default_factory=list)

    def add(self, owner: Owner, stage: PluginStage, reason: str) -> None:
        self.failures.append(PluginFailure(owner=owner, stage=stage, reason=reason))

    @contextmanager
    def isolate(self, owner: Owner, stage: PluginStage) -> Iterator[None]:
        """Turn whatever the plugin raises, but for the user's Ctrl-C, into a failure; its output goes to stderr."""
        try:
            with nullcontext() if owner.is_builtin or owner.distribution == USER else contained(str(owner)):
                yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if self.trace:
                import traceback

                traceback.print_exception(error, file=sys.stderr)
            self.add(owner, stage, failure_reason(error))


def load_plugins(environ: Mapping[str, str] = os.environ, no_plugins: bool = False) -> LoadedPlugins:
    """Load the installed plugins, built-ins first, then by distribution and name; never raises for a broken one.

    `no_plugins` loads the built-ins alone. `DHEADS_LOAD_PLUGINS=a,b` limits the others to those distributions or
    entry points (empty: none); `DHEADS_TRACE_PLUGINS=1` writes hook calls and tracebacks to stderr.
    """
    log = FailureLog(trace=environ.get(TRACE_VARIABLE) == "1")
    wanted = frozenset[str]() if no_plugins else _wanted(environ)
    entries = _entry_points(log, builtin_only=wanted == frozenset())
    plugins: list[LoadedPlugin] = []
    for owner, entry in entries:
        if not (wanted is None or owner.is_builtin or _names(owner) & wanted):
            continue
        with log.isolate(owner, "load"):
            plugin = entry.load()
            with log.isolate(owner, "register"):
                plugins.append(register(plugin, owner, trace=log.trace))
    installed = {name for owner, _ in entries for name in _names(owner)}
    for name in sorted((wanted or frozenset()) - installed):
        log.add(Owner(distribution=name, version="", name=name), "load", f"not installed, but in {LOAD_VARIABLE}")
    return LoadedPlugins(plugins=tuple(plugins), failures=tuple(log.failures), trace=log.trace)


def register(plugin: object, owner: Owner, *, trace: bool = False) -> LoadedPlugin:
    """Check the hooks of `plugin`; raise `RegistryError` or pluggy's `PluginValidationError` for wrong ones."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    if plugin is None:
        raise RegistryError("the entry point names None, not a module or object with hooks")
    manager.register(plugin, name=str(owner))
    _check_spelling(manager, plugin)
    loaded = LoadedPlugin(owner=owner, manager=manager)
    for hook in HOOKS:
        implementations = loaded.implementations(hook)
        if hook in dir(plugin) and not implementations:
            raise RegistryError(f"{hook} lacks the decorator @hookimpl")
        if any(implementation.wrapper or implementation.hookwrapper for implementation in implementations):
            raise RegistryError(f"{hook} is a wrapper, but hooks are called one plugin at a time")
    if trace:
        manager.trace.root.setwriter(lambda text: _write_trace(owner, text))
        manager.enable_tracing()
    return loaded


def _check_spelling(manager: pluggy.PluginManager, plugin: object) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        import difflib

        unknown = [caller.name for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
        close = {match for name in unknown for match in difflib.get_close_matches(name, HOOKS, n=1)}
        hint = " or ".join(sorted(close or HOOKS))
        raise RegistryError(f"no such hook: {', '.join(unknown)}; did you mean {hint}?") from error


def _entry_points(log: FailureLog, *, builtin_only: bool) -> list[tuple[Owner, metadata.EntryPoint]]:
    """Return the entry points, built-ins first; a damaged distribution hides none of the others."""
    found: list[tuple[Owner, metadata.EntryPoint]] = []
    for name, version, distribution in _declaring_distributions():
        if builtin_only and _normalized(name) != BUILTIN_DISTRIBUTION:
            continue
        owner = Owner(distribution=name, version=version, name="entry_points.txt")
        with log.isolate(owner, "load"):
            for point in distribution.entry_points.select(group=GROUP):
                found.append((replace(owner, name=point.name, is_builtin=_is_builtin(name, point)), point))
    ours = {point.value: (owner, point) for owner, point in reversed(found) if owner.is_builtin}
    others = [] if builtin_only else [pair for pair in found if not pair[0].is_builtin]
    by_name = sorted([*ours.values(), *others], key=lambda pair: (_normalized(pair[0].distribution), pair[0].name))
    return sorted(by_name, key=lambda pair: not pair[0].is_builtin)


def _is_builtin(distribution: str, point: metadata.EntryPoint) -> bool:
    """Return whether an entry point loads a module that lies beside this package, in the checkout or as installed."""
    if _normalized(distribution) != BUILTIN_DISTRIBUTION or point.value not in BUILTIN_MODULES:
        return False
    spec = find_spec(point.value)
    if spec is None or spec.origin is None:
        return False
    root = Path(hookspecs.__file__).resolve().parents[1]
    return Path(spec.origin).resolve().parents[1] in (root, root / "plugins")


def _declaring_distributions() -> Iterator[tuple[str, str, metadata.Distribution]]:
    """Yield name, version and distribution of each that declares plugins; of two, the first on the path counts.

    Not so if they are called like this one: anybody can use that name, and its modules are known by their place.
    """
    seen: set[tuple[str, str]] = set()
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
        except (OSError, UnicodeError):  # damage in a package that need not even be a plugin
            continue
        if f"[{GROUP}]" not in text:
            continue
        name, version = _identity(distribution)
        key = (_normalized(name), text if _normalized(name) == BUILTIN_DISTRIBUTION else "")
        if key not in seen:
            seen.add(key)
            yield name, version, distribution


def _identity(distribution: metadata.Distribution) -> tuple[str, str]:
    """Return name and version, as far as the metadata file has them."""
    try:
        return distribution.name or "unknown", distribution.version or ""
    except Exception:  # a missing file or field; which exception depends on the Python version
        return "unknown", ""


def _wanted(environ: Mapping[str, str]) -> frozenset[str] | None:
    text = environ.get(LOAD_VARIABLE)
    return None if text is None else frozenset(_normalized(name) for name in text.split(",") if name.strip())


def _names(owner: Owner) -> frozenset[str]:
    return frozenset((_normalized(owner.distribution), _normalized(owner.name)))


def _normalized(name: str) -> str:
    """Return a distribution's name as package installers compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _write_trace(owner: Owner, text: str) -> None:
    for line in text.splitlines():
        print(f"[{owner}] {line}", file=sys.stderr)
