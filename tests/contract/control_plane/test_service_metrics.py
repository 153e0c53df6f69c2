"""What CloudWatch counts of an endpoint, as the control plane reads it (moto)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from chalicelib.adapters import aws, version_traffic
from chalicelib.adapters.service_metrics import CloudWatchServiceMetrics
from chalicelib.domain.service_version import Traffic, TrafficPoint
from chalicelib.domain.times import text_of
from droplearn.contracts.errors import InvalidRequest

AT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def metrics(cloud: None) -> CloudWatchServiceMetrics:
    """Version v2 has answered ten times, two of them 5xx, in the minute of AT, in 8 ms each."""
    dimensions = [{"Name": "EndpointName", "Value": "service-x"}, {"Name": "VariantName", "Value": "v2"}]
    told = {"Invocations": [1.0] * 10, "Invocation5XXErrors": [1.0, 1.0, 0.0], "ModelLatency": [8000.0] * 10}
    rows = [{"MetricName": name, "Dimensions": dimensions, "Values": values, "Timestamp": AT} for name, values in told.items()]
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=rows)
    return CloudWatchServiceMetrics()


def test_traffic_of_each_version_is_summed(metrics: CloudWatchServiceMetrics):
    found = metrics.traffic("service-x", ["v1", "v2"], AT - timedelta(minutes=5), AT + timedelta(minutes=1))
    assert (found["v1"].invocations, found["v1"].latency_ms) == (0, None)
    assert (found["v2"].invocations, found["v2"].errors_5xx, found["v2"].errors_4xx, found["v2"].latency_ms) == (10, 2, 0, 8.0)


def test_a_series_has_the_periods_in_which_somebody_asked(metrics: CloudWatchServiceMetrics):
    found = metrics.series("service-x", ["v1", "v2"], AT - timedelta(minutes=10), AT + timedelta(minutes=1), 60)
    assert found["v1"] == []
    assert [(point.at, point.invocations, point.latency_ms) for point in found["v2"]] == [("2026-01-01T12:00:00.000Z", 10, 8.0)]


def test_the_last_use_is_the_end_of_its_minute_at_most_now(metrics: CloudWatchServiceMetrics):
    since = AT - timedelta(minutes=5)
    assert metrics.last_use("service-x", ["v1"], since, AT) is None
    assert metrics.last_use("service-x", ["v1", "v2"], since, AT + timedelta(minutes=9)) == datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
    assert metrics.last_use("service-x", ["v2"], since, AT + timedelta(seconds=5)) == AT + timedelta(seconds=5)


def test_the_time_that_answers_took_is_summed_by_service_over_weeks(metrics: CloudWatchServiceMetrics):
    month = datetime(2026, 1, 1, tzinfo=UTC)
    asked = {"service-x": ["v1", "v2"], "service-y": ["v1"]}
    found = metrics.answering_s(asked, month, AT + timedelta(days=30))
    assert found == {"service-x": pytest.approx(0.08), "service-y": 0}
    assert metrics.answering_s(asked, AT + timedelta(minutes=1), AT + timedelta(days=1))["service-x"] == pytest.approx(0.08), "whole hours"
    assert metrics.answering_s(asked, AT + timedelta(hours=1), AT + timedelta(days=1))["service-x"] == 0
    assert metrics.answering_s({}, month, AT) == {}


def test_a_month_that_begins_this_very_moment_is_asked_for_with_an_end_behind_its_begin(cloud: None):
    month, asked = datetime(2026, 1, 1, tzinfo=UTC), []

    def reply(**given: Any) -> dict[str, Any]:
        asked.append(given["EndTime"] > given["StartTime"])
        return {"MetricDataResults": []}

    with patch.object(aws.client("cloudwatch"), "get_metric_data", reply):
        assert CloudWatchServiceMetrics().answering_s({"service-x": ["v1"]}, month, month) == {"service-x": 0}
    assert asked == [True]


def test_what_is_asked_of_cloudwatch_in_one_request_has_a_limit_and_its_periods_are_kept_for_months(cloud: None):
    requests: list[dict[str, Any]] = []

    def reply(**given: Any) -> dict[str, Any]:
        requests.append(given)
        told = [{"Id": query["Id"], "Values": [1e6]} for query in given["MetricDataQueries"]]
        return {"MetricDataResults": told} if "NextToken" in given else {"MetricDataResults": told[:1], "NextToken": "more"}

    asked = {f"service-{n}": [f"v{v}" for v in range(4)] for n in range(130)}
    with patch.object(aws.client("cloudwatch"), "get_metric_data", reply):
        found = CloudWatchServiceMetrics().answering_s(asked, AT, AT + timedelta(days=30))
    assert [len(request["MetricDataQueries"]) for request in requests] == [500, 500, 20, 20]
    assert (found["service-1"], found["service-0"]) == (4, 5), "a query's values may come in parts"
    assert {query["MetricStat"]["Period"] for request in requests for query in request["MetricDataQueries"]} == {3600}


TOLD = {
    "v1": {"requests": 8, "by_code": {"ok": 8}, "mean_latency_ms": 5.0},
    "v2": {"requests": 2, "by_code": {"2003": 1, "1002": 1}, "mean_latency_ms": 30.0},
}
SUMMARY = json.dumps({"event": "summary", "requests": 10, "by_version": TOLD})


def a_server_says(*lines: tuple[datetime, str]) -> None:
    logs, group = boto3.client("logs"), "/aws/sagemaker/Endpoints/service-x"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="shared/i-1")
    events = [{"timestamp": round(at.timestamp() * 1000), "message": line} for at, line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="shared/i-1", logEvents=events)


def test_versions_that_share_a_server_are_counted_by_its_log(metrics: CloudWatchServiceMetrics):
    """What a server of another version of the program, a library or a half-written line says is passed over."""
    now = datetime.now(UTC)  # CloudWatch takes no old lines
    begin = now - timedelta(minutes=2)
    assert metrics.shared_traffic("service-x", ["v1"], begin, now)["v1"].invocations == 0
    lines = [SUMMARY, SUMMARY, 'a library says "by_version"', '{"event":"summary","by_ver', '{"event":"other","by_version":{"v1":1}}', "[]"]
    a_server_says(*((now - timedelta(seconds=1), line) for line in lines))
    found = metrics.shared_traffic("service-x", ["v1", "v2", "v3"], begin, now)
    assert found["v1"] == Traffic(16.0, 0.0, 0.0, 5.0)
    assert found["v2"] == Traffic(4.0, 2.0, 2.0, 30.0)
    assert found["v3"] == Traffic()


def test_a_series_of_versions_that_share_a_server_has_the_periods_in_which_it_told_of_them(metrics: CloudWatchServiceMetrics):
    now = datetime.now(UTC).replace(second=30, microsecond=0) - timedelta(minutes=1)
    a_server_says(*((now - timedelta(minutes=age), SUMMARY) for age in (9, 2, 2)))
    found = metrics.shared_series("service-x", ["v1", "v2", "v3"], now - timedelta(minutes=20), now, 60)
    first, second = (text_of(now.replace(second=0) - timedelta(minutes=age)) for age in (9, 2))
    assert found["v1"] == [TrafficPoint(first, 8, 0, 0, 5.0), TrafficPoint(second, 16, 0, 0, 5.0)]
    assert found["v2"] == [TrafficPoint(first, 2, 1, 1, 30.0), TrafficPoint(second, 4, 2, 2, 30.0)]
    assert found["v3"] == []


def test_a_series_that_would_take_too_many_requests_says_so(metrics: CloudWatchServiceMetrics, monkeypatch: pytest.MonkeyPatch):
    now = datetime.now(UTC)
    a_server_says(*((now - timedelta(seconds=30), SUMMARY) for _ in range(3)))
    monkeypatch.setattr(version_traffic, "MAX_SERIES_PAGES", 0)
    with pytest.raises(InvalidRequest, match=r"service\.metrics_too_long"):
        metrics.shared_series("service-x", ["v1"], now - timedelta(minutes=5), now, 60)
