"""Plugins as an installer leaves them: a dist-info folder and a module on sys.path."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.registry.build import Registry
from distortion_heads.registry.discovery import Owner, PluginFailure

PRELUDE = """
from distortion_heads.hookspecs import hookimpl
from distortion_heads.spec import BackboneSpec, HeadSpec

def head(label, **more):
    return HeadSpec(label=label, title="T", family="blur", description="D", **more)
"""
GOOD = """
@hookimpl
def dheads_heads():
    return [head("good_one"), head("good_two")]
"""


@dataclass(frozen=True)
class Site:
    """A site-packages folder."""

    folder: Path

    def install(
        self, distribution: str, source: str, *, version: str = "1.0", name: str = "", attribute: str = ""
    ) -> Owner:
        """Write a module of `source` and its metadata; the entry point is called `name`, else like the module."""
        module = distribution.replace("-", "_")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[dheads]\n{name or module} = {module}{attribute}\n")
        (self.folder / f"{module}.py").write_text(PRELUDE + textwrap.dedent(source))
        importlib.invalidate_caches()
        return Owner(distribution=distribution, version=version, name=name or module)


@contextmanager
def first_on_path(folder: Path) -> Iterator[Site]:
    """Put `folder` on sys.path; afterwards the modules that came from it are forgotten."""
    folder.mkdir()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield Site(folder)
    finally:
        sys.path.remove(str(folder))
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
        importlib.invalidate_caches()


def only_failure(registry: Registry, owner: Owner) -> PluginFailure:
    """The one failure, which must be the owner's and printable on one line."""
    (failure,) = registry.failures
    assert failure.owner == owner
    assert "\n" not in str(failure)
    assert str(owner) in str(failure)
    return failure
