"""Several processes that train together: one per GPU and host. Uses torchrun's environment (RANK, WORLD_SIZE, ...), so torchrun itself
works too.

The launcher is ours and not torchrun's, whose agent answers SIGTERM by reporting a failure; here a stop reaches every process and the
model is kept.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from droplearn.contracts.training import Failure
from droplearn.scenarios.learning import ProcessGroup
from trainer.deadline import STARTED_AT, started_at
from trainer.paths import Paths

PROCESSES_PER_HOST = "DROPLEARN_PROCESSES_PER_HOST"
_PORT_BETWEEN_HOSTS = 7777
_LOOK_EVERY_S, _GRACE_S = 0.1, 10.0


@dataclass(frozen=True)
class LaunchPlan:
    """Which processes this host starts."""

    hosts: tuple[str, ...]
    host: str
    processes_per_host: int
    interface: str | None

    @property
    def world_size(self) -> int:
        """Of all hosts."""
        return len(self.hosts) * self.processes_per_host

    def environment(self, local_rank: int, port: int) -> dict[str, str]:
        """What torch.distributed's `env://` reads. Source: PyTorch documentation, torchrun, "Environment Variables"."""
        index = self.hosts.index(self.host)
        told = {
            "RANK": str(index * self.processes_per_host + local_rank),
            "LOCAL_RANK": str(local_rank),
            "WORLD_SIZE": str(self.world_size),
            "LOCAL_WORLD_SIZE": str(self.processes_per_host),
            "MASTER_ADDR": self.hosts[0] if len(self.hosts) > 1 else "127.0.0.1",
            "MASTER_PORT": str(port),
            STARTED_AT: str(started_at()),
        }
        if self.interface and len(self.hosts) > 1:
            told |= {"NCCL_SOCKET_IFNAME": self.interface, "GLOO_SOCKET_IFNAME": self.interface}
        return told


def own_group() -> ProcessGroup:
    """This process, as its launcher told it; alone when there is none."""
    return ProcessGroup(*(int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))))


def launch_plan(resources: Path) -> LaunchPlan | None:
    """None when this process is to train by itself (alone, or as one that was launched)."""
    if "RANK" in os.environ:
        return None
    told = json.loads(resources.read_text("utf-8")) if resources.exists() else {}
    hosts = tuple(sorted(told.get("hosts") or ["localhost"]))
    count = int(os.environ.get(PROCESSES_PER_HOST) or 0) or max(1, _gpu_count())
    plan = LaunchPlan(hosts, told.get("current_host") or hosts[0], count, told.get("network_interface_name"))
    return plan if plan.world_size > 1 else None


def launch(plan: LaunchPlan, paths: Paths) -> int:
    """Starts this host's processes and waits for all. When one fails, the others are ended. SIGTERM goes to each."""
    port = _PORT_BETWEEN_HOSTS if len(plan.hosts) > 1 else _free_port()
    command = [sys.executable, "-m", "trainer", "train"]
    running = [subprocess.Popen(command, env=os.environ | plan.environment(rank, port)) for rank in range(plan.processes_per_host)]

    def forward(number: int, _frame: FrameType | None) -> None:
        for process in running:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    status = _wait(running)
    if status and not paths.failure.exists():
        from trainer.__main__ import write_failure

        message = f"A training process ended with status {status}."
        write_failure(
            paths, Failure(code="training.process_lost", message=message, hint="Restart the task; it goes on from its checkpoint.")
        )
    return 1 if status else 0


def _wait(running: list[subprocess.Popen[bytes]]) -> int:
    """The first exit status that is not 0, or 0."""
    while any(process.poll() is None for process in running):
        failed = next((p for p in running if p.poll() not in (None, 0)), None)
        if failed is not None:
            _end(running)
            return failed.returncode
        time.sleep(_LOOK_EVERY_S)
    return next((p.returncode for p in running if p.returncode), 0)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.poll() is None:
            process.terminate()
    end = time.monotonic() + _GRACE_S
    for process in running:
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _gpu_count() -> int:
    """By the device files: asking torch would cost seconds where there is no GPU."""
    return len([device for device in Path("/dev").glob("nvidia*") if device.name.removeprefix("nvidia").isdigit()])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
