"""What versions that share a server have answered: CloudWatch's own metrics count them as one, so the servers' log tells.

A server writes a line `summary` at intervals, with counts by version since the last one.
Source: Amazon CloudWatch Logs API reference, FilterLogEvents; "Filter pattern syntax": a quoted phrase.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters.aws import found
from chalicelib.domain.service_version import Traffic, TrafficPoint
from droplearn.contracts.errors import InvalidRequest

_PATTERN = '"by_version"'
MAX_SERIES_PAGES = 20
"""Requests for one series. A page has up to 1 MB: some 3,000 lines, two days of one instance with two versions."""


class _Tally:
    """Of one version."""

    def __init__(self) -> None:
        self._by_code: Counter[str] = Counter()
        self._total_ms = 0.0

    def add(self, told: dict[str, Any]) -> None:
        self._by_code.update(told["by_code"])
        self._total_ms += told["requests"] * told["mean_latency_ms"]

    def traffic(self) -> Traffic:
        """Codes that begin with 2 are answered with a 5xx, those with 1 are the callers' own errors."""
        count = self._by_code.total()
        ours, theirs = (sum(n for code, n in self._by_code.items() if code[:1] == kind) for kind in "21")
        return Traffic(float(count), float(ours), float(theirs), self._total_ms / count if count else None)


def read_version_traffic(service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
    """All in all, for each of the versions."""
    tallies = {version: _Tally() for version in versions}
    for page in _pages(service_id, since, until):
        for _, version, told in _told(page):
            if version in tallies:
                tallies[version].add(told)
    return {version: tally.traffic() for version, tally in tallies.items()}


def read_version_series(
    service_id: str, versions: Sequence[str], since: datetime, until: datetime, period_s: int
) -> dict[str, list[TrafficPoint]]:
    """By the period in which a server told of it. Raises InvalidRequest (`service.metrics_too_long`)."""
    tallies: dict[tuple[str, int], _Tally] = defaultdict(_Tally)
    for number, page in enumerate(_pages(service_id, since, until)):
        if number == MAX_SERIES_PAGES:
            raise InvalidRequest(
                "service.metrics_too_long",
                "The servers have said more in this time than is read at once.",
                hint="Ask for fewer minutes.",
            )
        for at_s, version, told in _told(page):
            tallies[version, at_s // period_s * period_s].add(told)
    points: dict[str, list[TrafficPoint]] = {version: [] for version in versions}
    for (version, at_s), tally in sorted(tallies.items()):
        if version in points:
            points[version].append(TrafficPoint.of(datetime.fromtimestamp(at_s, UTC), tally.traffic()))
    return points


def _told(events: list[dict[str, Any]]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """When (seconds since 1970), which version, and what it answered since its server told last."""
    for event in events:
        line = _parsed(event["message"])
        if line.get("event") == "summary":
            yield from ((event["timestamp"] // 1000, version, told) for version, told in line["by_version"].items())


def _pages(service_id: str, since: datetime, until: datetime) -> Iterator[list[dict[str, Any]]]:
    given: dict[str, Any] = {
        "logGroupName": f"/aws/sagemaker/Endpoints/{service_id}",
        "startTime": round(since.timestamp() * 1000),
        "endTime": round(until.timestamp() * 1000),
        "filterPattern": _PATTERN,
    }
    while page := found("logs", "filter_log_events", **given):
        yield page["events"]
        if not page.get("nextToken"):
            return
        given["nextToken"] = page["nextToken"]


def _parsed(message: str) -> dict[str, Any]:
    """Empty for a line that is no object: whatever a library prints comes into the same log."""
    try:
        told = json.loads(message)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and isinstance(told.get("by_version"), dict) else {}
