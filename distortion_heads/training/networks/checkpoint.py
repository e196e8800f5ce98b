"""The state of a joint training on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.training.networks.backbone_network import MultiTaskNetwork
from distortion_heads.training.networks.prune import like, prune, wider_version


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run on disk; written atomically, read with `weights_only`, so that no code is ever executed."""

    path: Path
    recipe: dict[str, Any]
    labels: tuple[str, ...]

    def save(self, network: MultiTaskNetwork, optimizer: torch.optim.Optimizer, step: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {"recipe": self.recipe, "labels": list(self.labels), "step": step}
        buffer = BytesIO()
        torch.save({**state, "network": network.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
        write_atomic(self.path, buffer.getvalue())

    def load(self, network: MultiTaskNetwork, optimizer: torch.optim.Optimizer) -> int:
        """Restore in place and return the step to go on from; 0 where there is no checkpoint."""
        if not self.path.exists():
            return 0
        state = self._read()
        if state.get("recipe") != self.recipe:
            raise DataError(f"{self.path} belongs to another recipe; choose another --out, or remove that folder")
        self._restore(network, state)
        try:
            optimizer.load_state_dict(state["optimizer"])
            return int(state["step"])
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{self.path} is no whole checkpoint; remove it to begin anew") from None

    def load_weights(self, network: MultiTaskNetwork, samples: Callable[[], Tensor]) -> None:
        """Restore the network alone, whatever recipe it comes from; a wider one is pruned to it on `samples()`.

        Which view each head reads stays as it is. Raises `DataError` if the file does not fit.
        """
        state, reads_overview = self._read(), network.get_buffer("reads_overview").clone()
        wider = wider_version(network.backbone.architecture, state.get("network"))
        if wider is None:
            self._restore(network, state)
        else:
            wide = like(network, wider)
            self._restore(wide, state)
            network.load_state_dict(prune(wide, network.backbone.architecture, samples()).state_dict())
        network.get_buffer("reads_overview").copy_(reads_overview)

    def _restore(self, network: MultiTaskNetwork, state: dict[str, Any]) -> None:
        try:
            network.load_state_dict(state["network"])
        except (KeyError, RuntimeError, TypeError):
            raise DataError(f"{self.path} holds a network of another architecture") from None
        if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
            raise DataError(f"{self.path} holds a network with numbers that are not finite")

    def _read(self) -> dict[str, Any]:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            labels = state["labels"]
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {reason(error)}") from None
        except (RuntimeError, EOFError, UnpicklingError, KeyError, TypeError, ValueError, IndexError):
            raise DataError(f"{self.path} is no checkpoint of a training run, or a damaged one") from None
        if labels != list(self.labels):
            raise DataError(f"{self.path} belongs to other heads; choose another --out, or remove that folder")
        return dict(state)
