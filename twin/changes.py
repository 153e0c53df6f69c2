"""Tells waiting threads that something in the twin has changed, so that nobody has to poll quickly: a job ended, an execution ended."""

import threading


class Changes:
    """A counter to wait on."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def announce(self) -> None:
        """Wake all who wait."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    @property
    def count(self) -> int:
        """How many changes there have been."""
        return self._count

    def wait(self, timeout_s: float) -> None:
        """Sleep until the next change, at most the timeout."""
        with self._condition:
            seen = self._count
            self._condition.wait_for(lambda: self._count != seen, timeout=timeout_s)


changes = Changes()
