"""The servers that are compared: how each is started, and what its processes cost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


@dataclass
class Contender:
    name: str
    port: int
    command: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    process: psutil.Popen | None = None
    ready_s: float = 0.0

    def start(self, log: Path) -> None:
        """Returns when it has answered a ping, or its documentation for want of one."""
        python_path = f"{ROOT}:{ROOT / 'src'}:{ROOT / 'serving_container'}"
        started = time.perf_counter()
        with log.open("w") as out:
            environ = {**os.environ, "PYTHONPATH": python_path, **self.environ}
            self.process = psutil.Popen(self.command, env=environ, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
        while time.perf_counter() - started < 60:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: see {log}")
            if any(_answers(self.port, path) for path in ("/ping", "/health")):
                self.ready_s = time.perf_counter() - started
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} is not ready after 60 s: see {log}")

    def check(self, body: bytes) -> str:
        """The most confident label. Raises when the answer is no success: a fast error is no throughput."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["result"]["output"][0]["body"][0]["label"])

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)] if self.process else []

    def cpu_s(self) -> float:
        return sum(sum(p.cpu_times()[:2]) for p in self.processes())

    def pss_mb(self) -> float:
        """Memory with shared pages divided among those who share them."""
        return sum(p.memory_full_info().pss for p in self.processes()) / 1e6

    def stop(self) -> None:
        ours = self.processes()
        for process in ours:
            process.terminate()
        for process in psutil.wait_procs(ours, timeout=8)[1]:
            process.kill()


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Another run's server must not be taken for ours."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def contenders(model_dir: Path, our_python: str, peer_python: str | None, workers: int) -> list[Contender]:
    our_port, lit_port, torch_port = free_ports(3)
    ours = {
        "SM_MODEL_DIR": str(model_dir),
        "SERVER_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(our_port),
        "SERVER_WORKERS": str(workers),
    }
    chosen = [Contender("droplearn", our_port, [our_python, "-m", "server", "serve"], ours)]
    if peer_python:
        peers = ROOT / "benchmarks" / "serving" / "peers"
        lit = [peer_python, str(peers / "litserve_app.py"), str(model_dir), str(lit_port), str(workers)]
        torch = [peer_python, "-m", "uvicorn", "benchmarks.serving.peers.torch_app:app", "--host", "127.0.0.1", "--port", str(torch_port)]
        chosen.append(Contender(f"LitServe, {workers} workers, ORT", lit_port, lit))
        chosen.append(Contender("FastAPI + PIL + torch eager", torch_port, [*torch, "--no-access-log", "--log-level", "warning"]))
    return chosen
