"""Counts requests that are under way, so that a snapshot is not taken in the middle of one. A WSGI middleware."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PATIENCE_S = 0.5
_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Head", "Search", "Filter")
_LONG_TARGETS = ("AmazonSQS.ReceiveMessage", "AWSStepFunctions.StartSyncExecution", "AWSStepFunctions.GetActivityTask")


class Gate:
    """Open for requests, except for the moment of a fork. `mutations` counts those which may have changed something."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._under_way = 0
        self._is_closed = False
        self.mutations = 0

    def middleware(self, application: Any) -> Any:
        """Wrap a WSGI application."""

        def call(environ: dict[str, Any], start_response: Any) -> Any:
            if _is_long(environ):
                return application(environ, start_response)
            with self._condition:
                self._condition.wait_for(lambda: not self._is_closed)
                self._under_way += 1
            try:
                return application(environ, start_response)
            finally:
                with self._condition:
                    self._under_way -= 1
                    self.mutations += not _is_read(environ)
                    self._condition.notify_all()

        return call

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Hold new requests, and wait a little for those under way."""
        deadline = time.monotonic() + _PATIENCE_S
        with self._condition:
            self._is_closed = True
            self._condition.wait_for(lambda: self._under_way == 0, timeout=deadline - time.monotonic())
        try:
            yield
        finally:
            with self._condition:
                self._is_closed = False
                self._condition.notify_all()


def _is_long(environ: dict[str, Any]) -> bool:
    """Requests that wait for something else, which may itself need the twin."""
    return environ["PATH_INFO"].endswith("/invocations") or environ.get("HTTP_X_AMZ_TARGET", "") in _LONG_TARGETS


def _is_read(environ: dict[str, Any]) -> bool:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") or target.rpartition(".")[2].startswith(_READS)
