"""What the processes of a group tell each other, beside gradients. With one process nothing is sent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import distributed

from droplearn.scenarios.learning import ProcessGroup


class Collective:
    """Every process must make the same calls in the same order."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group
        is_nccl = group.world_size > 1 and distributed.get_backend() == "nccl"
        self._device = torch.device("cuda", group.local_rank) if is_nccl else torch.device("cpu")

    def largest(self, *values: float) -> list[float]:
        """Of each value over all processes."""
        if self._group.world_size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64, device=self._device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return [float(value) for value in told.cpu()]

    def from_leader(self, arrays: Mapping[str, Any] | None) -> dict[str, Any]:
        """The leader's arrays in every process; the others give None."""
        if self._group.world_size == 1:
            return dict(arrays or {})
        written = io.BytesIO()
        if arrays is not None:
            np.savez(written, **arrays)
        size = torch.tensor([len(written.getvalue())], dtype=torch.int64, device=self._device)
        distributed.broadcast(size, 0)
        content = torch.zeros(int(size), dtype=torch.uint8, device=self._device)
        if arrays is not None:
            content.copy_(torch.frombuffer(bytearray(written.getvalue()), dtype=torch.uint8))
        distributed.broadcast(content, 0)
        with np.load(io.BytesIO(content.cpu().numpy().tobytes()), allow_pickle=False) as told:
            return {name: told[name] for name in told.files}

    def close(self) -> None:
        """Leaves the group."""
        if self._group.world_size > 1:
            distributed.destroy_process_group()
