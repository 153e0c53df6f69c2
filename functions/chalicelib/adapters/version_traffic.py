"""What versions that share a server have answered: CloudWatch's own metrics count them as one, so the servers' log tells.

A server writes a line `summary` at intervals, with counts by version since the last one.
Source: Amazon CloudWatch Logs API reference, FilterLogEvents; "Filter pattern syntax": a quoted phrase.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, is_not_found, translated
from chalicelib.domain.service_version import Traffic

_PATTERN = '"by_version"'


def read_version_traffic(service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
    """All in all, for each of the versions."""
    by_code: dict[str, Counter[str]] = {version: Counter() for version in versions}
    total_ms = dict.fromkeys(versions, 0.0)
    for summary in _summaries(service_id, since, until):
        for version, told in summary.items():
            if version in by_code:
                by_code[version].update(told["by_code"])
                total_ms[version] += told["requests"] * told["mean_latency_ms"]
    return {version: _traffic(by_code[version], total_ms[version]) for version in versions}


def _traffic(by_code: Counter[str], total_ms: float) -> Traffic:
    """Codes that begin with 2 are answered with a 5xx, those with 1 are the callers' own errors."""
    count = by_code.total()
    ours, theirs = (sum(n for code, n in by_code.items() if code[:1] == kind) for kind in "21")
    return Traffic(float(count), float(ours), float(theirs), total_ms / count if count else None)


def _summaries(service_id: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    given: dict[str, Any] = {
        "logGroupName": f"/aws/sagemaker/Endpoints/{service_id}",
        "startTime": round(since.timestamp() * 1000),
        "endTime": round(until.timestamp() * 1000),
        "filterPattern": _PATTERN,
    }
    while True:
        with translated():
            try:
                page = client("logs").filter_log_events(**given)
            except ClientError as error:
                if is_not_found(error):
                    return
                raise
        yield from (told["by_version"] for event in page["events"] if (told := _parsed(event["message"])).get("event") == "summary")
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
