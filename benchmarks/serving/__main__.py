"""`python -m benchmarks.serving [--seconds 4] [--rounds 3]`: one interleaved run a workload, a table each, and the targets at the end."""

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
from pathlib import Path

import psutil

from benchmarks.serving.contenders import ROOT, Contender, Pythons, contenders
from benchmarks.serving.load import apply_load, generator
from benchmarks.serving.models import Served, classification, detection
from benchmarks.serving.pictures import SETS, write_bodies
from benchmarks.serving.targets import OURS, Rates, judge, judge_accuracy, judge_start

WORK = ROOT / "build" / "bench-serving"
QUIET_CORES = 0.3
WORKLOADS = {"classification": classification, "detection": detection}


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


def wait_for_quiet(limit_s: float) -> None:
    """At most so long for the machine's other work to pause."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        before = busy_s()
        time.sleep(0.3)
        if (busy_s() - before) / 0.3 < QUIET_CORES:
            return


def measure(contender: Contender, bodies: Path, callers: int, options: argparse.Namespace) -> Slice:
    wait_for_quiet(options.quiet_wait)
    cpu, busy = contender.cpu_s(), busy_s()
    load = apply_load(contender.port, bodies, callers, options.seconds)
    used, noise = contender.cpu_s() - cpu, busy_s() - busy
    noise = max(0.0, (noise - used - load.client_cpu_s) / load.seconds)
    if load.errors:
        raise RuntimeError(f"{contender.name}: {load.errors} of {load.requests} requests failed at {callers} callers")
    return Slice(load.per_second, load.p50_ms, load.p99_ms, used / max(load.requests, 1) * 1e3, noise)


def measure_floor(model_dir: Path, name: str, threads: int, options: argparse.Namespace) -> Slice:
    wait_for_quiet(options.quiet_wait)
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}:{ROOT / 'serving_container'}"}
    command = [sys.executable, "-m", "benchmarks.serving.floor", str(model_dir), name, str(options.seconds / 2), str(threads)]
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


def run(workload: str, name: str, chosen: list[Contender], model_dir: Path, options: argparse.Namespace, cores: int) -> Rates:
    """All contenders in turn, `rounds` times; medians."""
    bodies = write_bodies(WORK, name)
    for contender in chosen:
        contender.check((bodies / "0.json").read_bytes())
    found: dict[tuple[int, str], list[Slice]] = defaultdict(list)
    floors: dict[int, list[Slice]] = defaultdict(list)
    at_once: list[Slice] = []
    for _ in range(options.rounds):
        at_once.append(measure_floor(model_dir, name, cores, options))
        for callers in options.callers:
            floors[callers].append(measure_floor(model_dir, name, 1, options))
            for contender in chosen:
                found[callers, contender.name].append(measure(contender, bodies, callers, options))
    together = statistics.median(s.per_second for s in clean(at_once))
    sizes = [path.stat().st_size for path in bodies.glob("*.json")]
    print(f"\n{workload}, {name}: {SETS[name][0]} x {SETS[name][1]} px, bodies of {statistics.mean(sizes) / 1e3:.0f} kB base64 JSON")
    floor = {callers: cores * statistics.median(s.per_second for s in clean(floors[callers])) for callers in options.callers}
    for callers in options.callers:
        print(f" c{callers}; floor: one thread's x {cores} cores = {floor[callers]:.1f}/s ({cores} threads at once: {together:.1f})")
        for contender in chosen:
            print(row(contender.name, found[callers, contender.name], floor[callers]), flush=True)
    return rates_of(found, floor)


def rates_of(found: dict[tuple[int, str], list[Slice]], floor: dict[int, float]) -> Rates:
    at_16 = {name: statistics.median(s.per_second for s in clean(slices)) for (callers, name), slices in found.items() if callers == 16}
    crowd = clean(found[64, OURS]) if (64, OURS) in found else []
    p50, p99 = (statistics.median(getattr(s, key) for s in crowd) if crowd else None for key in ("p50_ms", "p99_ms"))
    return Rates(at_16, floor.get(16, 0.0), p50, p99)


def serve(workload: str, served: Served, sets: list[str], options: argparse.Namespace, peers: Pythons, cores: int) -> list[str]:
    """Starts all, runs each set of pictures, stops all. Returns what the targets say."""
    chosen = contenders(served, sys.executable, peers, options.workers)
    body, verdicts = (write_bodies(WORK, sets[0]) / "0.json").read_bytes(), []
    try:
        for contender in chosen:
            contender.start(WORK / f"{contender.port}.log", body)
        for name in sets:
            rates = run(workload, name, chosen, served.fp32, options, cores)
            verdicts += judge(f"{workload[:9]} {name}", rates) if 16 in options.callers else []
        print("\nmemory (PSS, after the load) and start to first answer")
        for contender in chosen:
            print(f"  {contender.name:34s} {contender.pss_mb():6.0f} MB  {contender.first_answer_s:5.2f} s")
        verdicts.append(judge_start(chosen[0].first_answer_s))
    finally:
        for contender in chosen:
            contender.stop()
    report = served.report
    int8 = report.variants[0]
    print(f"accuracy: {report.metric} {report.baseline.metric:.4f} on {report.example_count} examples; int8: {int8.reason}")
    return [*verdicts, judge_accuracy(workload[:9], report.metric, int8.fall or 0.0)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quiet-wait", type=float, default=15, help="seconds that a slice waits for the machine to be quiet")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--sets", nargs="+", choices=sorted(SETS), default=["small", "large"])
    parser.add_argument("--workloads", nargs="+", choices=sorted(WORKLOADS), default=sorted(WORKLOADS))
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peer-python", nargs="*", default=[], help="Pythons that have the peers, if this one has not all of them")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` stops the contenders
    WORK.mkdir(parents=True, exist_ok=True)
    peers = Pythons.among([sys.executable, *options.peer_python])
    missing = [name for name, python in vars(peers).items() if python is None]
    if missing:
        print(f"Not installed, and not measured: {', '.join(missing)} (make bench-serving installs all).")
    cores, verdicts = len(os.sched_getaffinity(0)), []
    print(f"{cores} cores, load by {generator()}, {options.rounds} x {options.seconds:g} s, clean medians")
    for workload in options.workloads:
        sets = [name for name in options.sets if workload == "classification" or name == "small"]
        verdicts += serve(workload, WORKLOADS[workload](WORK), sets or options.sets, options, peers, cores)
    print("\ntargets")
    print("\n".join(verdicts))


if __name__ == "__main__":
    main()
