"""The servers that are compared: how each is started, and what its processes cost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.serving.models import Served
from benchmarks.serving.targets import LITSERVE, LITSERVE_INT8, LITSERVE_PILLOW, OURS, OURS_INT8

ROOT = Path(__file__).parents[2]


@dataclass
class Contender:
    name: str
    port: int
    command: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    process: psutil.Popen | None = None
    first_answer_s: float = 0.0

    def start(self, log: Path, body: bytes) -> None:
        """Returns when it has answered its first request, which comes as soon as it says that it is ready."""
        python_path = f"{ROOT}:{ROOT / 'src'}:{ROOT / 'serving_container'}"
        started = time.perf_counter()
        with log.open("w") as out:
            environ = {**os.environ, "PYTHONPATH": python_path, **self.environ}
            self.process = psutil.Popen(self.command, env=environ, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
        while time.perf_counter() - started < 60:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: see {log}")
            if any(_answers(self.port, path) for path in ("/ping", "/health", "/readyz")):
                self.check(body)
                self.first_answer_s = time.perf_counter() - started
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} is not ready after 60 s: see {log}")

    def check(self, body: bytes) -> None:
        """Raises when the answer is no success: a fast error is no throughput."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            if not isinstance(json.load(answer)["result"]["output"][0]["body"], list):
                raise RuntimeError(f"{self.name} gave no answer")

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


def contenders(served: Served, our_python: str, peers: Pythons, workers: int) -> list[Contender]:
    """Ours as trained, in int8 and with Triton; what others would run on the same network."""
    ports = iter(free_ports(8))
    chosen = [_ours(OURS, next(ports), our_python, served.fp32, workers)]
    if served.int8:
        chosen.append(_ours(OURS_INT8, next(ports), our_python, served.int8, workers))
    if peers.triton:
        chosen.append(_ours("droplearn, engine triton", next(ports), peers.triton, served.fp32, workers, SERVER_ENGINE="triton"))
    folder = ROOT / "benchmarks" / "serving" / "peers"
    if peers.litserve:
        for name, model_dir, decoder in _litserves(served):
            port = next(ports)
            command = [peers.litserve, str(folder / "litserve_app.py"), str(model_dir), str(port), str(workers), decoder]
            chosen.append(Contender(name, port, command))
    if peers.bentoml:
        port = next(ports)
        command = [peers.bentoml, "-m", "bentoml", "serve", "benchmarks.serving.peers.bento_app:Service", "--host", "127.0.0.1"]
        environ = {"MODEL_DIR": str(served.fp32), "WORKERS": str(workers), "BENTOML_DO_NOT_TRACK": "true"}
        chosen.append(Contender("BentoML", port, [*command, "--port", str(port)], environ))
    if peers.torch:
        port = next(ports)
        command = [peers.torch, "-m", "uvicorn", "benchmarks.serving.peers.torch_app:app", "--host", "127.0.0.1", "--port", str(port)]
        environ = {"MODEL_DIR": str(served.fp32)}
        chosen.append(Contender("FastAPI + PIL + torch eager", port, [*command, "--no-access-log", "--log-level", "warning"], environ))
    return chosen


def _litserves(served: Served) -> list[tuple[str, Path, str]]:
    """Name, model, decoder: with our network and decoding; as trained also as most people would decode, where that is possible."""
    with_ours = [(LITSERVE, served.fp32, "ours")] + ([(LITSERVE_INT8, served.int8, "ours")] if served.int8 else [])
    return [*with_ours, (LITSERVE_PILLOW, served.fp32, "pillow")] if served.is_classifier else with_ours


def _ours(name: str, port: int, python: str, model_dir: Path, workers: int, **environ: str) -> Contender:
    told = {
        "SM_MODEL_DIR": str(model_dir),
        "SERVER_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SERVER_WORKERS": str(workers),
        "SERVER_MAX_PENDING": "128",
    }
    return Contender(name, port, [python, "-m", "server", "serve"], told | environ)


@dataclass(frozen=True)
class Pythons:
    """Which Python can run which peer; None: none of those that were named."""

    litserve: str | None
    bentoml: str | None
    torch: str | None
    triton: str | None

    @classmethod
    def among(cls, candidates: Sequence[str]) -> Pythons:
        return cls(
            *(_able(candidates, *names) for names in (("litserve",), ("bentoml",), ("torch", "fastapi"), ("pytriton", "tritonclient")))
        )


def _able(candidates: Sequence[str], *modules: str) -> str | None:
    found = f"import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, {list(modules)!r})))"
    return next((python for python in candidates if subprocess.run([python, "-c", found], check=False).returncode == 0), None)
