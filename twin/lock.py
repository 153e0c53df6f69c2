"""One twin for each state folder: a lock that the operating system releases when the twin ends, however it ends."""

import fcntl
import os
from pathlib import Path


class AlreadyRunning(Exception):
    """Another twin uses the state folder or the port."""


def hold(state: Path) -> int:
    """Take the folder; the descriptor keeps it until the process ends.

    Raises:
        AlreadyRunning: another process has it.
    """
    descriptor = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode().strip()
        os.close(descriptor)
        raise AlreadyRunning(f"another twin (process {holder}) is running with the state folder {state}") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
