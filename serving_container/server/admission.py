"""Who may come in: nobody before the model is loaded or while the server drains, and never more than a bounded number at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from droplearn.contracts.prediction import ErrorCode
from server.errors import RequestError

RECEIVING_PER_WORKING = 4


class Phase(Enum):
    """Of the server's life, in order."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


class Admission:
    """Used on the event loop's thread only. A request is first received, then worked on, without a gap in between.

    The two are counted apart, so that callers who send slowly do not take the places of those who wait for an answer.
    """

    def __init__(self, max_pending: int) -> None:
        self.phase, self.receiving, self.working, self._max_pending = Phase.LOADING, 0, 0, max_pending

    @property
    def in_flight(self) -> int:
        """What a drain waits for."""
        return self.receiving + self.working

    @contextmanager
    def receive(self) -> Iterator[None]:
        """While the body arrives. Raises RequestError 2002."""
        if self.phase is not Phase.READY:
            raise RequestError(ErrorCode.GET_INSTANCE_ERROR, f"The server is {self.phase.value}.")
        self._check_room()
        if self.receiving >= RECEIVING_PER_WORKING * self._max_pending:
            raise RequestError(ErrorCode.GET_INSTANCE_ERROR, f"{self.receiving} requests are being received already.")
        self.receiving += 1
        try:
            yield
        finally:
            self.receiving -= 1

    @contextmanager
    def work(self) -> Iterator[None]:
        """From the body to the answer. Raises RequestError 2002 instead of letting a request wait without end."""
        self._check_room()
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1

    def _check_room(self) -> None:
        if self.working >= self._max_pending:
            raise RequestError(ErrorCode.GET_INSTANCE_ERROR, f"{self.working} requests are waiting already.")
