"""Counts and latencies since the start: `/metrics` in Prometheus' text form, and a summary line for the log at intervals."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram. Source: Prometheus client libraries' defaults."""


class Metrics:
    """Used on the event loop's thread only."""

    def __init__(self) -> None:
        self._answered: Counter[str] = Counter()
        self._latencies, self._latency_sum = [0] * (len(BUCKETS_S) + 1), 0.0
        self._summarised: Counter[str] = Counter()
        self._summarised_sum = 0.0

    def observe(self, code: str, latency_s: float) -> None:
        """code: `ok` or one of V-5's."""
        self._answered[code] += 1
        self._latencies[bisect_left(BUCKETS_S, latency_s)] += 1
        self._latency_sum += latency_s

    def summary(self) -> dict[str, Any] | None:
        """Of the time since the last summary; None when nothing was asked."""
        recent = self._answered - self._summarised
        if not recent:
            return None
        mean_ms = 1000 * (self._latency_sum - self._summarised_sum) / recent.total()
        self._summarised, self._summarised_sum = self._answered.copy(), self._latency_sum
        return {"requests": recent.total(), "by_code": dict(recent), "mean_latency_ms": round(mean_ms, 1)}

    def exposition(self, pending: int) -> str:
        """Source: Prometheus, "Exposition formats"."""
        lines = ["# TYPE droplearn_requests_total counter"]
        lines += [f'droplearn_requests_total{{code="{code}"}} {n}' for code, n in sorted(self._answered.items())]
        lines += ["# TYPE droplearn_requests_pending gauge", f"droplearn_requests_pending {pending}"]
        lines.append("# TYPE droplearn_request_seconds histogram")
        below = 0
        for bound, n in zip((*BUCKETS_S, "+Inf"), self._latencies, strict=True):
            below += n
            lines.append(f'droplearn_request_seconds_bucket{{le="{bound}"}} {below}')
        lines += [f"droplearn_request_seconds_sum {self._latency_sum:.6f}", f"droplearn_request_seconds_count {below}", ""]
        return "\n".join(lines)
