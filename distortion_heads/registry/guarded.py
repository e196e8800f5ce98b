"""The functions of a plugin's specs, run with the same care as its hooks: whatever they do stays with the plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import update_wrapper
from typing import Any, TypeVar

from distortion_heads.errors import DheadsError, PluginError
from distortion_heads.registry.contained import contained, failure_reason
from distortion_heads.registry.discovery import Owner
from distortion_heads.spec import BackboneSpec, HeadSpec

_Spec = TypeVar("_Spec", HeadSpec, BackboneSpec)


class Guarded:
    """Calls a plugin's function: what it prints goes to stderr, and it has the time of one step.

    Raises `PluginError`, which names the plugin, for whatever the function raises, but for the user's Ctrl-C and for
    errors of this library.
    """

    def __init__(self, function: Callable[..., Any], owner: str) -> None:
        self.function, self.owner = function, owner
        update_wrapper(self, function)  # who looks for its code asks for the module

    def __call__(self, *arguments: Any) -> Any:
        return self._run(lambda: self.function(*arguments))

    def _run(self, step: Callable[[], Any]) -> Any:
        try:
            with contained(self.owner):
                return step()
        except (DheadsError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise PluginError(f"plugin {self.owner}: {failure_reason(error)}") from error


class GuardedFrames(Guarded):
    """The same for a generator, which is a step for each of its frames."""

    def __call__(self, *arguments: Any) -> Iterator[Any]:
        frames = iter(self._run(lambda: self.function(*arguments)))
        end = object()
        while (frame := self._run(lambda: next(frames, end))) is not end:
            yield frame


def guarded(spec: _Spec, owner: Owner) -> _Spec:
    """Return the spec with its functions guarded."""
    name = str(owner)
    if isinstance(spec, BackboneSpec):
        return spec if spec.network is None else replace(spec, network=Guarded(spec.network, name))
    changes: dict[str, Any] = {
        field: Guarded(function, name)
        for field in ("synthesize", "encode", "parameters")
        if (function := getattr(spec, field)) is not None
    }
    if spec.synthesize_clip is not None:
        changes["synthesize_clip"] = GuardedFrames(spec.synthesize_clip, name)
    if spec.makes:
        changes["makes"] = tuple(replace(make, synthesize=Guarded(make.synthesize, name)) for make in spec.makes)
    return replace(spec, **changes) if changes else spec
