"""Counts and latencies since the start, by version: `/metrics` in Prometheus' text form, and a summary line for the log at intervals."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Any

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram. Source: Prometheus client libraries' defaults."""


class _Tally:
    """Of one version."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.latencies, self.latency_sum = [0] * (len(BUCKETS_S) + 1), 0.0
        self._summarised: Counter[str] = Counter()
        self._summarised_sum = 0.0

    def observe(self, code: str, latency_s: float) -> None:
        self.answered[code] += 1
        self.latencies[bisect_left(BUCKETS_S, latency_s)] += 1
        self.latency_sum += latency_s

    def recent(self) -> tuple[Counter[str], float]:
        """Since the last call: answers by code, and their latencies' sum."""
        recent, latency_sum = self.answered - self._summarised, self.latency_sum - self._summarised_sum
        self._summarised, self._summarised_sum = self.answered.copy(), self.latency_sum
        return recent, latency_sum


class Metrics:
    """Used on the event loop's thread only. The version without a name is the only one, or that of requests that came to none."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def observe(self, code: str, latency_s: float, version: str = "") -> None:
        """code: `ok` or one of V-5's. version: one that is loaded, so that their number is bounded."""
        if version not in self._tallies:
            self._tallies[version] = _Tally()
        self._tallies[version].observe(code, latency_s)

    def summary(self) -> dict[str, Any] | None:
        """Of the time since the last summary; None when nothing was asked."""
        told = {name: tally.recent() for name, tally in sorted(self._tallies.items())}
        parts = {name: (recent, latency_sum) for name, (recent, latency_sum) in told.items() if recent}
        if not parts:
            return None
        by_version = {name: _summarised([part]) for name, part in parts.items() if name}
        return _summarised(parts.values()) | ({"by_version": by_version} if by_version else {})

    def exposition(self, pending: int) -> str:
        """Source: Prometheus, "Exposition formats"."""
        tallies = sorted(self._tallies.items()) or [("", _Tally())]
        lines = ["# TYPE droplearn_requests_total counter"]
        for name, tally in tallies:
            lines += [f"droplearn_requests_total{_labels(code=code, version=name)} {n}" for code, n in sorted(tally.answered.items())]
        lines += ["# TYPE droplearn_requests_pending gauge", f"droplearn_requests_pending {pending}"]
        lines.append("# TYPE droplearn_request_seconds histogram")
        for name, tally in tallies:
            lines += _histogram(name, tally)
        return "\n".join([*lines, ""])


def _summarised(parts: Iterable[tuple[Counter[str], float]]) -> dict[str, Any]:
    by_code: Counter[str] = Counter()
    latency_sum = 0.0
    for recent, seconds in parts:
        by_code += recent
        latency_sum += seconds
    return {"requests": by_code.total(), "by_code": dict(by_code), "mean_latency_ms": round(1000 * latency_sum / by_code.total(), 1)}


def _histogram(version: str, tally: _Tally) -> list[str]:
    lines, below, name = [], 0, "droplearn_request_seconds"
    for bound, n in zip((*BUCKETS_S, "+Inf"), tally.latencies, strict=True):
        below += n
        lines.append(f"{name}_bucket{_labels(le=str(bound), version=version)} {below}")
    lines.append(f"{name}_sum{_labels(version=version)} {tally.latency_sum:.6f}")
    return [*lines, f"{name}_count{_labels(version=version)} {below}"]


def _labels(**told: str) -> str:
    given = ",".join(f'{name}="{value}"' for name, value in told.items() if value)
    return f"{{{given}}}" if given else ""
