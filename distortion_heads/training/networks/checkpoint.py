"""The state of a run on disk: written atomically, read with `weights_only`, so that no code is ever executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.training.networks.loop import State


@dataclass(frozen=True)
class Checkpoint:
    """`identity` stands for everything that decides the result; its keys say what is another one, in messages."""

    path: Path
    identity: Mapping[str, str]

    def save(self, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, state: State) -> int:
        """Write the state and return its size in bytes. Raises `DataError` if that fails."""
        content = {"identity": dict(self.identity), "state": vars(state), "network": dict(weights)}
        buffer = BytesIO()
        torch.save({**content, "optimizer": optimizer.state_dict()}, buffer)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path, buffer.getvalue())
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {reason(error)}") from None
        return buffer.tell()

    def load(self, network: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> State:
        """Restore in place and return where to go on: the beginning where there is no checkpoint.

        Weights that it does not hold stay as they are. Raises `DataError` if it is damaged or of another run.
        """
        if not self.path.exists():
            return State()
        content = self.read()
        for name, value in self.identity.items():
            if content["identity"].get(name) != value:
                raise DataError(f"{self.path} belongs to {name}: choose another --out, or remove that folder")
        self.restore(network, content["network"])
        try:
            if optimizer is not None:
                optimizer.load_state_dict(content["optimizer"])
            return State(**content["state"])
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{self.path} is no whole checkpoint: remove it to begin again") from None

    def read(self) -> dict[str, Any]:
        """Return what was saved, unchecked. Raises `DataError` if it is no checkpoint of this version."""
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            if isinstance(content["identity"], dict) and isinstance(content["network"], dict):
                return dict(content)
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {reason(error)}") from None
        except Exception:  # whatever a torn file makes torch raise
            pass
        raise DataError(f"{self.path} is damaged, or is no checkpoint of this version: remove it to begin again")

    def restore(self, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """Put `weights` into `network`. Raises `DataError` if they do not fit or are not finite."""
        try:
            missing = network.load_state_dict(weights, strict=False)
        except (RuntimeError, TypeError, AttributeError):
            missing = None
        if missing is None or missing.unexpected_keys:
            raise DataError(f"{self.path} holds a network of another architecture")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise DataError(f"{self.path} holds a network with numbers that are not finite")
