"""The port ServiceMetrics on CloudWatch: what SageMaker counts by itself, also of callers who ask the endpoint directly.

Source: Amazon SageMaker developer guide, "Monitor Amazon SageMaker AI with Amazon CloudWatch", endpoint invocation metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.adapters.aws import client, translated
from chalicelib.adapters.version_traffic import read_version_series, read_version_traffic
from chalicelib.domain.service_version import Traffic, TrafficPoint
from chalicelib.domain.times import text_of

PERIOD_S = 60
_COUNTED = (
    ("Invocations", "Sum"),
    ("Invocation5XXErrors", "Sum"),
    ("Invocation4XXErrors", "Sum"),
    ("ModelLatency", "Sum"),
    ("ModelLatency", "SampleCount"),
)


class CloudWatchServiceMetrics:
    """GetMetricData. Counts are a minute or two behind."""

    def last_use(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> datetime | None:
        """The end of the last minute with an invocation, at most `until`."""
        begin = since.replace(second=0, microsecond=0)
        queries = [_query(f"m{n}", service_id, variant, "Invocations", "Sum") for n, variant in enumerate(variants)]
        used = [
            at
            for found in self._read(queries, begin, until + timedelta(seconds=1))
            for at, value in zip(found["Timestamps"], found["Values"], strict=True)
            if value > 0
        ]
        if not used:
            return None
        return min(until, datetime.fromtimestamp(max(used).timestamp() + PERIOD_S, UTC))

    def traffic(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """Whole minutes. ModelLatency comes in microseconds."""
        begin = since.replace(second=0, microsecond=0)
        queries = [
            _query(f"v{n}_{stat.lower()}_{metric.lower()}", service_id, variant, metric, stat)
            for n, variant in enumerate(variants)
            for metric, stat in _COUNTED
        ]
        values = {found["Id"]: found["Values"] for found in self._read(queries, begin, until + timedelta(seconds=1))}

        def total(n: int, metric: str, stat: str = "Sum") -> float:
            return float(sum(values.get(f"v{n}_{stat.lower()}_{metric.lower()}", [])))

        return {
            variant: Traffic(
                total(n, "Invocations"),
                total(n, "Invocation5XXErrors"),
                total(n, "Invocation4XXErrors"),
                total(n, "ModelLatency") / 1000 / count if (count := total(n, "ModelLatency", "SampleCount")) else None,
            )
            for n, variant in enumerate(variants)
        }

    def shared_traffic(self, service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """Of the servers' log."""
        return read_version_traffic(service_id, versions, since, until)

    def series(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Of CloudWatch's own periods; `since` is rounded down to one."""
        begin = datetime.fromtimestamp(since.timestamp() // period_s * period_s, UTC)
        queries = [
            _query(f"v{n}_{stat.lower()}_{metric.lower()}", service_id, variant, metric, stat, period_s)
            for n, variant in enumerate(variants)
            for metric, stat in _COUNTED
        ]
        found: dict[str, dict[datetime, float]] = {}
        for part in self._read(queries, begin, until + timedelta(seconds=1)):
            found.setdefault(part["Id"], {}).update(zip(part["Timestamps"], part["Values"], strict=True))
        return {variant: _points(found, n) for n, variant in enumerate(variants)}

    def shared_series(
        self, service_id: str, versions: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Of the servers' log."""
        return read_version_series(service_id, versions, since, until, period_s)

    def _read(self, queries: list[dict[str, Any]], since: datetime, until: datetime) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        given: dict[str, Any] = {}
        while True:
            with translated():
                page = client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=since, EndTime=until, **given)
            results += page["MetricDataResults"]
            if not page.get("NextToken"):
                return results
            given = {"NextToken": page["NextToken"]}


def _points(found: dict[str, dict[datetime, float]], n: int) -> list[TrafficPoint]:
    def value(metric: str, at: datetime, stat: str = "sum") -> float:
        return float(found.get(f"v{n}_{stat}_{metric.lower()}", {}).get(at, 0.0))

    return [
        TrafficPoint(
            at=text_of(at),
            invocations=count,
            errors_4xx=value("Invocation4XXErrors", at),
            errors_5xx=value("Invocation5XXErrors", at),
            latency_ms=value("ModelLatency", at) / 1000 / timed if (timed := value("ModelLatency", at, "samplecount")) else None,
        )
        for at, count in sorted(found.get(f"v{n}_sum_invocations", {}).items())
        if count
    ]


def _query(id_: str, service_id: str, variant: str, metric: str, stat: str, period_s: int = PERIOD_S) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": service_id}, {"Name": "VariantName", "Value": variant}]
    named = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": named, "Period": period_s, "Stat": stat}, "Label": f"{variant} {metric}"}
