"""The processes that train together, as `torchrun` starts them; one alone is the usual case."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from distortion_heads.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process is number `rank` of `size` and computes on `device`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """`network`, whose gradients are then the mean over the processes."""
        if self.size == 1:
            return network
        if self.device.startswith("cuda"):
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return nn.parallel.DistributedDataParallel(network)

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in their order; all must call this."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all have come here."""
        self.gather(None)


@contextmanager
def joined(device: str, environ: Mapping[str, str] = os.environ) -> Iterator[Processes]:
    """Join the others if `torchrun` started this process: over NCCL with CUDA, else over Gloo.

    `device`: "auto", "cpu" or "cuda"; with CUDA each process takes the GPU of its local rank.
    Raises `DataError` if there is no such device or the others cannot be reached.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DataError("--device cuda: torch finds no GPU here; use --device cpu")
    size = int(environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(device=device)
        return
    if device == "cuda":
        device = f"cuda:{environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    except (RuntimeError, ValueError) as error:
        raise DataError(f"the processes cannot join: {str(error).splitlines()[0]}; start them with torchrun") from None
    try:
        yield Processes(rank=distributed.get_rank(), size=size, device=device)
        distributed.barrier()  # who leaves first closes the sockets on which others may still be at work
    finally:
        distributed.destroy_process_group()
