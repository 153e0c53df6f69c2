"""Ports for servers that begin to listen some seconds later, in another process.

They are not among those that the system gives to outgoing connections: until the server listens, one of these could take its port.
"""

import random
import socket
from pathlib import Path

from twin.settings import HOST

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 15_000, 65_000
_FEWEST = 1000
_TRIES = 1000


def free_ports(count: int = 1) -> int:
    """The first of so many ports in a row that nobody uses now.

    Raises:
        OSError: none was found.
    """
    first, last = _servers_range()
    for _ in range(_TRIES):
        port = random.randint(first, last - count)  # noqa: S311  (to keep out of each other's way)
        if all(_is_free(port + further) for further in range(count)):
            return port
    raise OSError(f"no free port from {first} to {last}")


def _servers_range() -> tuple[int, int]:
    low, high = map(int, _RANGE.read_text().split()) if _RANGE.exists() else (49_152, 65_535)
    if low - _LOWEST >= _FEWEST:
        return _LOWEST, low - 1
    return (high + 1, _HIGHEST) if _HIGHEST - high >= _FEWEST else (_LOWEST, _HIGHEST)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
