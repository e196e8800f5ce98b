"""Keep small models beside a backbone, each in one safetensors file whose header names the backbone it is for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.files import read_header
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneRef

Tensors: TypeAlias = dict[str, NDArray[Any]]


class Beside(Protocol):
    """A model that is for one backbone."""

    @property
    def backbone(self) -> BackboneRef: ...


_Model = TypeVar("_Model", bound=Beside)


def dump_beside(schema: str, ref: BackboneRef, facts: Mapping[str, Any], tensors: Tensors) -> bytes:
    """Return the file of a model for the backbone `ref`; the same model gives the same bytes."""
    from safetensors.numpy import save

    backbone = {"name": ref.name, "fingerprint": ref.fingerprint, "dim": ref.dim}
    text = json.dumps({"schema": schema, "backbone": backbone, **facts}, sort_keys=True, separators=(",", ":"))
    data: bytes = save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, {"dheads": text})
    return data


def read_beside(
    file: Path | Traversable,
    schema: str,
    what: str,
    make: Callable[[BackboneRef, Mapping[str, Any], Tensors], _Model],
) -> _Model:
    """Read and check the file of a model, which is called `what` in messages.

    `make` gets the backbone, the header and the tensors. Raises `BackboneError` if the file is missing, damaged or of
    another schema.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = read_header(file)
    try:
        if header.get("schema") != schema:
            raise ValueError(f"it is not of the schema {schema}")
        tensors = load(file.read_bytes())
        model = make(BackboneRef(**header["backbone"]), header, tensors)
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise ValueError("it holds values that are not finite")
    except OSError as error:
        raise BackboneError(f"cannot read {file}: {reason(error)}") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{file} is no {what}: {error}") from None
    return model


def check_shapes(tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ValueError` unless the tensors are those of `shapes`, and no others."""
    if {name: tensor.shape for name, tensor in tensors.items()} != shapes:
        raise ValueError("its tensors are misshapen")


def bundled_beside(suffix: str, read: Callable[[Traversable], _Model], backbone: BackboneRef) -> _Model | None:
    """Return the model that ships with the bundled backbone; None for any other backbone."""
    file = files("distortion_heads.backbones") / "bundled" / f"dheads_small{suffix}.safetensors"
    if not file.is_file():
        return None
    model = read(file)
    return model if model.backbone.fingerprint == backbone.fingerprint else None
