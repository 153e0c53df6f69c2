"""Writes the state soon after it changes, and reads it at the start.

A snapshot is written by a forked child, so that requests wait only for the fork; atomically; a second after the last change, and with
pauses of twenty times what the last one took. A snapshot of another format or of another moto is refused.
"""

import gc
import json
import logging
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict

from twin.changes import changes
from twin.snapshot.gate import Gate
from twin.snapshot.pickling import BackendKey, backend_of, dumps, key_of, loads

log = logging.getLogger("twin.snapshot")
_FORMAT = 1
_QUIET_S = 1.0
_PAUSE_FACTOR = 20
_WRITE_S = 120
"""A child that takes longer hangs: it ends, and the state of before is kept."""


class IncompatibleSnapshot(Exception):
    """The state folder was written by another version."""


class SnapshotStore:
    """The file that holds all backends of one twin."""

    def __init__(self, file: Path, gate: Gate):
        self._file, self._gate = file, gate
        self._saving = threading.Lock()
        self._stop = threading.Event()

    def load(self) -> bool:
        """Bring back the last snapshot; False when there is none.

        Raises:
            IncompatibleSnapshot: another format, moto or Python.
        """
        if not self._file.exists():
            return False
        header, _, body = self._file.read_bytes().partition(b"\n")
        found = json.loads(header)
        if found != _versions():
            raise IncompatibleSnapshot(f"{self._file} was written by {found}, this twin is {_versions()}: use another state folder")
        for key, attributes in loads(body).items():
            backend_of(key).__dict__.update(attributes)
        return True

    def start(self) -> None:
        """Save from now on whenever something has changed."""
        threading.Thread(target=self._save_after_changes, daemon=True, name="snapshot").start()

    def close(self) -> None:
        """Save a last time."""
        self._stop.set()
        self.save()

    def save(self) -> float:
        """Write a snapshot now; the seconds it took."""
        with self._saving:
            started = time.monotonic()
            with self._gate.closed():
                child = os.fork()
                if child == 0:
                    self._write_and_exit()
            _, status = os.waitpid(child, 0)
            if code := os.waitstatus_to_exitcode(status):
                log.error("the snapshot failed (exit code %s): the state of before is kept", code)
            took_s = time.monotonic() - started
            log.info("saved %d bytes in %.2f s", self._file.stat().st_size if self._file.exists() else 0, took_s)
            return took_s

    def _write_and_exit(self) -> None:
        """In the forked child: only this thread lives here, so take no locks and never return."""
        code = 1
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_WRITE_S)
        try:
            gc.disable()
            partial = self._file.with_suffix(".partial")
            with partial.open("wb") as file:
                file.write(json.dumps(_versions()).encode() + b"\n" + dumps(_live_state()))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._file)
            code = 0
        except BaseException as error:  # noqa: BLE001  (reported by the parent through the exit code, and in the log file)
            os.write(2, f"snapshot: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)

    def _save_after_changes(self) -> None:
        saved = self._count()
        while not self._stop.wait(0.25):
            count = self._count()
            if count == saved:
                continue
            while not self._stop.wait(_QUIET_S) and self._count() != count and not self._is_late():
                count = self._count()
            if self._stop.is_set():
                return
            saved = self._count()
            took_s = self.save()
            self._last_save = time.monotonic()
            self._stop.wait(took_s * _PAUSE_FACTOR)

    _last_save = 0.0

    def _is_late(self) -> bool:
        """Whether changes have gone on for so long that waiting for quiet would lose much."""
        return time.monotonic() - self._last_save > 5 * _QUIET_S

    def _count(self) -> int:
        return self._gate.mutations + changes.count


def _versions() -> dict[str, Any]:
    return {"format": _FORMAT, "moto": version("moto"), "python": ".".join(platform.python_version_tuple()[:2])}


def _live_state() -> dict[BackendKey, dict[str, Any]]:
    state: dict[BackendKey, dict[str, Any]] = {}
    for regions in _backend_dictionaries():
        for per_account in list(regions.values()):
            for backend in list(per_account.values()):
                state[key_of(backend)] = backend.__dict__
    return state


def _backend_dictionaries() -> Iterable[Any]:
    """Those of the services in use: each service's module of models holds one."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("moto.") and name.endswith(".models")]
    found = [value for module in modules for value in list(vars(module).values()) if isinstance(value, BackendDict)]
    return {id(backends): backends for backends in found}.values()
