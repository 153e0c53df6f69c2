"""The process `tritonserver`: found, started with its listener on loopback, watched, ended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from droplearn.contracts.triton import Backend
from server.errors import InvalidModel
from server.json_log import log

_END_S = 10.0
_KEPT_LINES = 20


@dataclass(frozen=True)
class Installation:
    """Where Triton lies: NVIDIA's image, or the wheel nvidia-pytriton, which has the server and the backend `python` only."""

    binary: Path
    backends: Path
    stubs: Path | None = None
    libraries: Path | None = None
    """What the wheel's binaries are linked with; they find it by their own place, which a copy has not."""

    @property
    def backend(self) -> Backend:
        """What runs a network."""
        return "onnxruntime" if (self.backends / "onnxruntime").is_dir() else "python"


def find_installation(home: Path | None = None) -> Installation:
    """`home` has bin/ and backends/. None: NVIDIA's place, then the wheel. Raises InvalidModel (`engine.missing`)."""
    for folder in [home] if home else [Path("/opt/tritonserver"), _wheel()]:
        if folder is not None and (folder / "bin" / "tritonserver").is_file():
            stubs, libraries = folder / "python_backend_stubs", folder.parents[1] / "nvidia_pytriton.libs"
            is_wheel = stubs.is_dir()
            return Installation(
                folder / "bin" / "tritonserver", folder / "backends", stubs if is_wheel else None, libraries if is_wheel else None
            )
    raise InvalidModel("engine.missing", "There is no tritonserver.", hint="Use an image with Triton, or SERVER_ENGINE=ort.")


def _wheel() -> Path | None:
    spec = find_spec("pytriton")
    return Path(spec.origin).parent / "tritonserver" if spec and spec.origin else None


def lay_out_backends(found: Installation, folder: Path) -> Path:
    """The wheel keeps a stub for each Python apart: a folder with ours in its place. NVIDIA's image is taken as it is."""
    if found.stubs is None:
        return found.backends
    stub = found.stubs / f"{sys.version_info.major}.{sys.version_info.minor}" / "triton_python_backend_stub"
    shutil.copytree(found.backends / "python", folder / "python", dirs_exist_ok=True)
    shutil.copyfile(stub, folder / "python" / stub.name)
    (folder / "python" / stub.name).chmod(0o755)
    return folder


def command_of(binary: Path, repository: Path, backends: Path, port: int) -> list[str]:
    """Listens on loopback for gRPC only: HTTP, metrics, SageMaker's and Vertex' are off. Ends when the server is killed, too."""
    dying = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return [
        *dying,
        str(binary),
        f"--model-repository={repository}",
        "--model-control-mode=explicit",
        f"--backend-directory={backends}",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={port}",
        "--allow-http=false",
        "--allow-metrics=false",
        "--allow-sagemaker=false",
        "--allow-vertex-ai=false",
        "--disable-auto-complete-config",
        "--exit-timeout-secs=5",
        "--backend-config=python,shm-default-byte-size=4194304",
        "--backend-config=python,shm-growth-byte-size=1048576",
    ]


def environment(found: Installation) -> dict[str, str]:
    """The backend `python` finds packages through the first python3 on PATH, and libpython through the loader's path."""
    folders = [sysconfig.get_config_var("LIBDIR"), found.libraries, os.environ.get("LD_LIBRARY_PATH")]
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in folders if folder),
    }


def free_port() -> int:
    """On loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """A running tritonserver. What it says about trouble goes to the server's log."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        threading.Thread(target=self._read, name="triton-log", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Until it ends, however."""
        return self._process.poll() is None

    def end(self) -> None:
        """SIGTERM, then SIGKILL. Twice is as good as once."""
        if self.is_alive:
            self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        if self._process.stdout is None:
            raise RuntimeError("The child was started without a pipe.")
        with self._process.stdout as told:
            for raw in told:
                line = raw.decode("utf-8", "replace").rstrip()
                self.last_lines.append(line)
                if line[:1] in ("W", "E", "F"):  # Source: Triton's log lines begin with the level's letter
                    log("triton", "warning" if line[0] == "W" else "error", message=line[:500])
