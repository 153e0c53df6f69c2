"""`python -m benchmarks.serving [--seconds 4] [--rounds 3]`: one interleaved run, one table."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from benchmarks.serving.contenders import ROOT, Contender, contenders
from benchmarks.serving.load import apply_load, generator
from benchmarks.serving.model import write_model
from benchmarks.serving.pictures import SETS, write_bodies

WORK = ROOT / "build" / "bench-serving"
QUIET_CORES, QUIET_WAIT_S = 0.3, 15.0


@dataclass
class Slice:
    """One contender, one concurrency, a few seconds. noise: cores that others used meanwhile."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    noise: float


def busy_s() -> float:
    """Of all cores together; what a hypervisor takes away counts as others' work."""
    t = psutil.cpu_times()
    return float(t.user + t.system + t.nice + t.irq + t.softirq + t.steal)


def wait_for_quiet() -> None:
    """At most QUIET_WAIT_S for the machine's other work to pause."""
    until = time.monotonic() + QUIET_WAIT_S
    while time.monotonic() < until:
        before = busy_s()
        time.sleep(0.3)
        if (busy_s() - before) / 0.3 < QUIET_CORES:
            return


def measure(contender: Contender, bodies: Path, callers: int, seconds: float) -> Slice:
    wait_for_quiet()
    cpu, busy = contender.cpu_s(), busy_s()
    load = apply_load(contender.port, bodies, callers, seconds)
    used, noise = contender.cpu_s() - cpu, busy_s() - busy
    noise = max(0.0, (noise - used - load.client_cpu_s) / load.seconds)
    if load.errors:
        raise RuntimeError(f"{contender.name}: {load.errors} of {load.requests} requests failed at {callers} callers")
    return Slice(load.per_second, load.p50_ms, load.p99_ms, used / max(load.requests, 1) * 1e3, noise)


def measure_floor(model_dir: Path, name: str, seconds: float, threads: int) -> Slice:
    wait_for_quiet()
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}:{ROOT / 'serving_container'}"}
    command = [sys.executable, "-m", "benchmarks.serving.floor", str(model_dir), name, str(seconds), str(threads)]
    started, busy, before = time.monotonic(), busy_s(), resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = float(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    noise = max(0.0, (busy_s() - busy - used) / (time.monotonic() - started))
    return Slice(rate, 1e3 * threads / rate, 0, 1e3 * threads / rate, noise)


def clean(slices: list[Slice]) -> list[Slice]:
    """Those that the machine's other work did not disturb; for want of any, the one that it disturbed least."""
    return [s for s in slices if s.noise < QUIET_CORES] or sorted(slices, key=lambda s: s.noise)[:1]


def row(name: str, slices: list[Slice], floor: float) -> str:
    kept = clean(slices)

    def median(key: str) -> float:
        return statistics.median(getattr(s, key) for s in kept)

    rate, count = median("per_second"), sum(s.noise < QUIET_CORES for s in slices)
    return (
        f"  {name:34s} {rate:8.1f} req/s  {rate / floor:5.2f} of floor  p50 {median('p50_ms'):7.1f}  p99 {median('p99_ms'):7.1f} ms"
        f"  {median('cpu_ms'):6.1f} ms CPU/req  noise {median('noise'):.2f}  clean {count}/{len(slices)}"
    )


def run(name: str, chosen: list[Contender], model_dir: Path, options: argparse.Namespace, cores: int) -> None:
    """All contenders in turn, `rounds` times; medians."""
    bodies = write_bodies(WORK, name)
    for contender in chosen:
        contender.check((bodies / "0.json").read_bytes())
    found: dict[tuple[int, str], list[Slice]] = defaultdict(list)
    floors: dict[int, list[Slice]] = defaultdict(list)
    at_once: list[Slice] = []
    for _ in range(options.rounds):
        at_once.append(measure_floor(model_dir, name, options.seconds / 2, cores))
        for callers in options.callers:
            floors[callers].append(measure_floor(model_dir, name, options.seconds / 2, 1))
            for contender in chosen:
                found[callers, contender.name].append(measure(contender, bodies, callers, options.seconds))
    together = statistics.median(s.per_second for s in clean(at_once))
    sizes = [path.stat().st_size for path in bodies.glob("*.json")]
    print(f"\n{name}: {SETS[name][0]} x {SETS[name][1]} px, bodies of {statistics.mean(sizes) / 1e3:.0f} kB base64 JSON")
    for callers in options.callers:
        one = statistics.median(s.per_second for s in clean(floors[callers]))
        print(f" c{callers}; floor: one thread's {one:.1f}/s x {cores} cores = {one * cores:.1f} ({cores} threads at once: {together:.1f})")
        for contender in chosen:
            print(row(contender.name, found[callers, contender.name], one * cores), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["small", "large"])
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peer-python", default=None, help="a Python that has requirements.txt, if this one has not")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` stops the contenders
    WORK.mkdir(parents=True, exist_ok=True)
    peer = options.peer_python or (sys.executable if find_spec("litserve") else None)
    if not peer:
        print("The peers are not installed (make bench-serving does it): only ours and the floor are measured.")
    model_dir, cores = write_model(WORK / "model"), len(os.sched_getaffinity(0))
    chosen = contenders(model_dir, sys.executable, peer, options.workers)
    try:
        for contender in chosen:
            contender.start(WORK / f"{contender.port}.log")
        print(f"EfficientNet-Lite0, {cores} cores, load by {generator()}, {options.rounds} x {options.seconds:g} s, clean medians")
        for name in options.sets:
            run(name, chosen, model_dir, options, cores)
        print("\nmemory (PSS, after the load) and time to be ready")
        for contender in chosen:
            print(f"  {contender.name:34s} {contender.pss_mb():6.0f} MB  {contender.ready_s:5.2f} s")
    finally:
        for contender in chosen:
            contender.stop()


if __name__ == "__main__":
    main()
