"""Processes that must not outlive the twin, not even a twin that was killed with SIGKILL. Used by jobs and endpoints."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

_GUARD = str(Path(__file__).with_name("guard.py"))


class GuardedProcess:
    """A command in its own process group below a guard. `output` has its stdout and stderr; who reads it closes it."""

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]):
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", _GUARD],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._stdin = cast(IO[bytes], self._guard.stdin)
        self._stdin.write(json.dumps(list(command)).encode() + b"\n")
        self._stdin.flush()
        self.output = cast(IO[bytes], self._guard.stdout)

    @property
    def is_running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._guard.poll() is None

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit code (128 + signal when killed), or None when the time is over first."""
        try:
            code = self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        self._stdin.close()
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """SIGTERM to the command and all that it started."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the command and all that it started, also to what it left behind after it ended."""
        self._signal(signal.SIGKILL)
        self.wait()

    def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after the grace."""
        self.terminate()
        self.wait(grace_s)
        self.kill()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._guard.pid, number)
