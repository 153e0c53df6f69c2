"""The port ServiceMetrics on CloudWatch: what SageMaker counts by itself, also of callers who ask the endpoint directly.

Source: Amazon SageMaker developer guide, "Monitor Amazon SageMaker AI with Amazon CloudWatch", endpoint invocation metrics.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from chalicelib.adapters.aws import client, translated
from chalicelib.adapters.version_traffic import read_version_series, read_version_traffic
from chalicelib.domain.service_version import Traffic, TrafficPoint

PERIOD_S, HOUR_S = 60, 3600
"""CloudWatch keeps counts by the minute for 15 days, by the hour for 455. Source: Amazon CloudWatch API Reference, GetMetricData."""
MAX_QUERIES = 500
"""Of one request. Source: the same."""
Counted = tuple[str, str]
"""A metric and its statistic."""
_COUNTED: tuple[Counted, ...] = (
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
        """Whole minutes."""
        found = self._counts(service_id, variants, since, until, PERIOD_S)
        return {variant: _traffic(sum(by_period.values(), Counter())) for variant, by_period in found.items()}

    def answering_s(self, services: Mapping[str, Sequence[str]], since: datetime, until: datetime) -> dict[str, float]:
        """One request for up to 500 variants. ModelLatency comes in microseconds."""
        asked = {f"m{n}": one for n, one in enumerate((service, variant) for service, names in services.items() for variant in names)}
        queries = [_query(id_, *one, "ModelLatency", "Sum", HOUR_S) for id_, one in asked.items()]
        seconds = dict.fromkeys(services, 0.0)
        for part in self._read(queries, _period_of(since, HOUR_S), until + timedelta(seconds=1)):
            seconds[asked[part["Id"]][0]] += sum(part["Values"]) / 1e6
        return seconds

    def shared_traffic(self, service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """Of the servers' log."""
        return read_version_traffic(service_id, versions, since, until)

    def series(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Of CloudWatch's own periods; `since` is rounded down to one."""
        found = self._counts(service_id, variants, since, until, period_s)
        return {
            variant: [TrafficPoint.of(at, told) for at in sorted(by_period) if (told := _traffic(by_period[at])).invocations]
            for variant, by_period in found.items()
        }

    def shared_series(
        self, service_id: str, versions: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Of the servers' log."""
        return read_version_series(service_id, versions, since, until, period_s)

    def _counts(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, dict[datetime, Counter[Counted]]]:
        """Variant -> begin of a period -> what was counted."""
        begin = _period_of(since, period_s)
        asked = {f"m{n}": one for n, one in enumerate(product(variants, _COUNTED))}
        queries = [_query(id_, service_id, variant, *counted, period_s) for id_, (variant, counted) in asked.items()]
        counts: dict[str, dict[datetime, Counter[Counted]]] = {variant: defaultdict(Counter) for variant in variants}
        for part in self._read(queries, begin, until + timedelta(seconds=1)):
            variant, counted = asked[part["Id"]]
            for at, value in zip(part["Timestamps"], part["Values"], strict=True):
                counts[variant][at][counted] += value
        return counts

    def _read(self, queries: list[dict[str, Any]], since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """Parts of the answers: of one query there may be several."""
        for start in range(0, len(queries), MAX_QUERIES):
            given: dict[str, Any] = {"MetricDataQueries": queries[start : start + MAX_QUERIES], "StartTime": since, "EndTime": until}
            while True:
                with translated():
                    page = client("cloudwatch").get_metric_data(**given)
                yield from page["MetricDataResults"]
                if not page.get("NextToken"):
                    break
                given["NextToken"] = page["NextToken"]


def _period_of(moment: datetime, period_s: int) -> datetime:
    """The begin of the period that it lies in."""
    return datetime.fromtimestamp(moment.timestamp() // period_s * period_s, UTC)


def _traffic(counts: Counter[Counted]) -> Traffic:
    """ModelLatency comes in microseconds."""
    calls, ours, theirs, latency, timed = (float(counts[counted]) for counted in _COUNTED)
    return Traffic(calls, ours, theirs, latency / 1000 / timed if timed else None)


def _query(id_: str, service_id: str, variant: str, metric: str, stat: str, period_s: int = PERIOD_S) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": service_id}, {"Name": "VariantName", "Value": variant}]
    named = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": id_, "MetricStat": {"Metric": named, "Period": period_s, "Stat": stat}, "Label": f"{variant} {metric}"}
