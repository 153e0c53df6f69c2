"""A training process with torch: its threads, seeds and group, and whether it has a GPU."""

from __future__ import annotations

from datetime import timedelta

import torch

from droplearn.scenarios.learning import ProcessGroup


def prepare_process(group: ProcessGroup, seed: int, timeout_s: float) -> None:
    """Threads, seeds, deterministic algorithms; joins the process group where there are several processes."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    torch.set_num_threads(1)
    if group.world_size > 1:
        if is_cuda():
            torch.cuda.set_device(group.local_rank)
        torch.distributed.init_process_group("nccl" if is_cuda() else "gloo", timeout=timedelta(seconds=timeout_s + 600))


def is_cuda() -> bool:
    """Whether training runs on a GPU."""
    return bool(torch.cuda.is_available())
