"""The state that the commands of one run share: the loaded plugins, the user's heads, the registry."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import complain
from distortion_heads.errors import MissingExtraError, PluginError

if TYPE_CHECKING:
    from distortion_heads.registry.build import Registry
    from distortion_heads.registry.discovery import LoadedPlugins
    from distortion_heads.registry.profiles import Profile
    from distortion_heads.registry.user_heads import Store

NO_PROFILE = "none"
TRAIN_PACKAGES = frozenset(
    ("jinja2", "matplotlib", "onnx", "packaging", "piq", "sklearn", "threadpoolctl", "torch", "torchvision")
)


@dataclass(frozen=True)
class Session:
    """Each part is made when it is first asked for, once."""

    no_plugins: bool = False
    strict: bool = False

    @cached_property
    def loaded(self) -> LoadedPlugins:
        from distortion_heads.registry.discovery import load_plugins

        return load_plugins(os.environ, self.no_plugins)

    @cached_property
    def store(self) -> Store:
        from distortion_heads.registry.user_heads import Store

        return Store.default(os.environ)

    @cached_property
    def registry(self) -> Registry:
        from distortion_heads.registry.build import build_registry

        return build_registry(user_heads=self.store.user_plugin(), loaded=self.loaded)

    def checked_registry(self) -> Registry:
        """Return the registry after one line on stderr per problem. Raises `PluginError` if `--strict`."""
        self.report([str(failure) for failure in self.registry.failures])
        return self.registry

    def report(self, problems: Sequence[str]) -> None:
        """Warn of things that are left out, or refuse to go on without them if `--strict`."""
        if self.strict and problems:
            raise PluginError(f"--strict: {'; '.join(problems)}")
        for problem in problems:
            self.warn(problem)

    def profile(self, name: str | None) -> Profile | None:
        """Return the profile of that name, or the one that the project's file names. Raises `ProfileError`."""
        from distortion_heads.registry.profiles import Profiles
        from distortion_heads.registry.project_file import find_project

        if name is None and (project := find_project(Path.cwd())) is not None and project.profile is not None:
            name = project.profile
            complain(f"note: {project.path} names the profile {name}")
        if name is None or name == NO_PROFILE:
            return None
        return Profiles(self.store.home, self.registry.profiles()).load(name)

    def warn(self, message: str) -> None:
        complain(f"warning: {message}")


def session_of(ctx: click.Context) -> Session:
    """Return the session of this run, made from the options of the group."""
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Session(bool(root.params.get("no_plugins")), bool(root.params.get("strict")))
    session = root.obj
    assert isinstance(session, Session)
    return session


@contextmanager
def needs_train_extra(what: str) -> Iterator[None]:
    """Turn the lack of a package of the extra `train` into `MissingExtraError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in TRAIN_PACKAGES:
            raise MissingExtraError(what) from None
        raise
