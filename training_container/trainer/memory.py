"""What a process needs in memory to load and to run a network, beyond one that has only imported ONNX Runtime.

`python -m trainer.memory NETWORK EXAMPLE.npz` is such a process: it prints the MB, and nothing else has ever been in its memory. The peak
is the kernel's VmHWM, which begins anew with each program; ru_maxrss would begin with the peak of the process that started it.
Source: Linux man-pages, proc_pid_status(5) (VmHWM, VmRSS; kB are 1,024 bytes), getrusage(2).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TRIES = 3
"""The median of them counts: with large pages the kernel gives now more, now less (by a tenth)."""
RUNS = 5
TIMEOUT_S = 30.0
STATUS = Path("/proc/self/status")


def memory_mb(network: Path, example: Mapping[str, Any]) -> float | None:
    """The peak, loading included, one request at a time. None where it cannot be measured: that is no reason to fail."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "example.npz"
        np.savez(file, **example)
        try:
            return round(statistics.median(_child(network, file) for _ in range(TRIES)), 1)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            sys.stderr.write(f"memory of {network.name} is not known: {error}\n")
            return None


def _child(network: Path, example: Path) -> float:
    """Raises OSError, SubprocessError, ValueError."""
    command = [sys.executable, "-m", "trainer.memory", os.fspath(network), os.fspath(example)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    return float(told.stdout)


def main(arguments: list[str]) -> None:
    """Prints the MB that the network needs."""
    import numpy as np

    from trainer.session import open_session

    network, file = arguments
    example = dict(np.load(file))
    import onnxruntime  # noqa: F401 (before it is looked at: what comes after is the network's own)

    before = _status_mb("VmRSS")
    session = open_session(Path(network))
    for _ in range(RUNS):
        session.run(None, example)
    sys.stdout.write(f"{max(_status_mb('VmHWM') - before, 0.0)}\n")


def _status_mb(field: str) -> float:
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[field].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
