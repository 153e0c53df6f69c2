"""What SageMaker tells CloudWatch of an endpoint's invocations, minute by minute.

Source: Amazon SageMaker developer guide, "Monitor Amazon SageMaker AI with Amazon CloudWatch", endpoint invocation metrics.
"""

import threading
from typing import Any

from moto.cloudwatch.models import MetricAggregatedDatum, cloudwatch_backends
from moto.core.utils import utcnow

_KEPT = 100_000
"""Data points of a metrics backend; the oldest go."""


class InvocationMetrics:
    """One aggregated data point for each metric, variant and minute, however many invocations there are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute: Any = None
        self._points: dict[tuple[str, str, str, str, str], MetricAggregatedDatum] = {}

    def record(self, account: str, region: str, endpoint: str, variant: str, status: int, latency_s: float) -> None:
        """One invocation."""
        counted = (
            ("Invocations", 1.0, "None"),
            ("Invocation4XXErrors", float(400 <= status < 500), "None"),
            ("Invocation5XXErrors", float(status >= 500), "None"),
            ("ModelLatency", latency_s * 1e6, "Microseconds"),
        )
        with self._lock:
            for metric, value, unit in counted:
                self._add((account, region, endpoint, variant, metric), value, unit)

    def _add(self, key: tuple[str, str, str, str, str], value: float, unit: str) -> None:
        minute = utcnow().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._points = minute, {}
        point = self._points.get(key)
        if point is None:
            account, region, endpoint, variant, metric = key
            dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
            point = MetricAggregatedDatum("AWS/SageMaker", metric, value, value, 0.0, 0.0, dimensions, minute, unit)
            self._points[key] = point
            known = cloudwatch_backends[account][region].metric_data
            known.append(point)
            del known[:-_KEPT]
        point.sample_count += 1
        point.sum += value
        point.min, point.max = min(point.min, value), max(point.max, value)
