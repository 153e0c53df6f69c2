"""Runs `python -m twin` as a subprocess, for tests and demos: on free ports, until ready; stopped or killed at the end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin.connection import Connection
from twin.free_ports import free_ports
from twin.settings import PROJECT_ROOT

_READY_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 60.0
_ENVIRONMENT = {"PYTHONPATH": f"{PROJECT_ROOT}{os.pathsep}{PROJECT_ROOT / 'src'}", "PYTHONFAULTHANDLER": "1"}


class TwinFailed(Exception):
    """The twin did not become ready, or did not end; the text is what it said."""


@dataclass
class RunningTwin:
    """A twin that runs. Its connection's fields are those of connection.json."""

    process: subprocess.Popen[str]
    state: Path
    port: int
    connection: Connection = field(init=False)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code.

        Raises:
            TwinFailed: it does not end; the text says what each of its threads was doing.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes down where it stands
            self.process.wait()
            raise TwinFailed(f"not ended within {_STOP_TIMEOUT_S} s\n{(self.state / 'twin.out').read_text()}") from None

    def log(self) -> str:
        """What it has logged."""
        file = self.state / "twin.log"
        return file.read_text() if file.exists() else ""


def free_port() -> int:
    """A port that is free, and the next one too."""
    return free_ports(2)


def start_twin(
    state: Path,
    *,
    port: int | None = None,
    is_bare: bool = False,
    images: Path | None = None,
    project: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = _READY_TIMEOUT_S,
) -> RunningTwin:
    """Start a twin and wait until it is ready. A restart on the same state needs the same port (queue URLs hold it).

    Raises:
        TwinFailed: it ended, or the time is over.
    """
    port = port or free_port()
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "twin", "--state", str(state), "--port", str(port)]
    command += ["--bare"] if is_bare else []
    command += ["--images", str(images)] if images else []
    command += ["--project", str(project)] if project else []
    ready = state / "connection.json"
    before = ready.stat().st_mtime_ns if ready.exists() else 0
    output = (state / "twin.out").open("w")
    process = subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=os.environ | _ENVIRONMENT | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output.close()
    twin = RunningTwin(process, state, port)
    deadline = time.monotonic() + timeout_s
    while not (ready.exists() and ready.stat().st_mtime_ns != before):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise TwinFailed((state / "twin.out").read_text() + twin.log()[-4000:])
        time.sleep(0.02)
    twin.connection = Connection.read(ready)
    return twin


@contextlib.contextmanager
def running_twin(state: Path, *, port: int | None = None) -> Iterator[RunningTwin]:
    """A twin for the time of a `with` block; `kill()` inside of it is fine."""
    twin = start_twin(state, port=port)
    try:
        yield twin
    finally:
        twin.stop()
