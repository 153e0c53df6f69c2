"""A closed loop of callers against one server: `wrk` where it is installed, else a small asyncio client of our own (it costs more CPU)."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Load:
    """What the callers saw. Latencies in ms."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    client_cpu_s: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def generator() -> str:
    """The name for the report."""
    return "wrk" if shutil.which("wrk") else "benchmarks/serving/load.py (install wrk for a cheaper client)"


def apply_load(port: int, bodies: Path, callers: int, seconds: float) -> Load:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{callers}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(Path(__file__).with_name("wrk_post.lua"))]
    else:
        command = [sys.executable, str(Path(__file__)), str(callers), str(seconds)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], env={**os.environ, "BODIES": str(bodies)}, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RES"))
    requests, duration, p50, p99, errors = (float(word) for word in line.split()[1:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(int(requests), duration, p50, p99, int(errors), cpu)


async def _caller(port: int, requests: list[bytes], until: float, latencies: list[float]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    errors, number = 0, 0
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - started)
        errors += b" 200 " not in head.split(b"\r\n", 1)[0]
        number += 1
    writer.close()
    return errors


async def _main(callers: int, seconds: float, port: int) -> None:
    requests = []
    for path in sorted(Path(os.environ["BODIES"]).glob("*.json")):
        body = path.read_bytes()
        head = f"POST /invocations HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        requests.append(head.encode() + body)
    latencies: list[float] = []
    started = time.perf_counter()
    errors = sum(await asyncio.gather(*(_caller(port, requests, started + seconds, latencies) for _ in range(callers))))
    spent = time.perf_counter() - started
    quantiles = statistics.quantiles(latencies, n=100)
    print(f"RES {len(latencies)} {spent} {quantiles[49] * 1e3} {quantiles[98] * 1e3} {errors}")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3].rsplit(":", 1)[1])))
