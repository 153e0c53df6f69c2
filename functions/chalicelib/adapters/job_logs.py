"""The port JobLogs on CloudWatch Logs: one stream per instance, named `<job>/algo-<n>-<time>`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters.aws import client, found, translated
from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.records import Page
from chalicelib.ports import JobKind, LogLine

GROUP = "/aws/sagemaker/TrainingJobs"
_GROUPS: dict[JobKind, str] = {"training": GROUP, "processing": "/aws/sagemaker/ProcessingJobs"}


class CloudWatchJobLogs:
    """Reads stream after stream: within a stream lines are in order, and a cursor is the stream and how far it was read."""

    def __init__(self, group: str | None = None) -> None:
        """`group`: of something that is no job."""
        self._group = group

    def page(
        self,
        jobs: list[str],
        limit: int,
        cursor: str | None,
        *,
        only_first_node: bool = False,
        contains: str = "",
        kind: JobKind = "training",
    ) -> Page[LogLine]:
        """`contains` is looked for in what was read, so a page may be shorter than `limit`, and even empty, without being the last."""
        start = decode_cursor(cursor, {"stream", "token"})
        group = self._group or _GROUPS[kind]
        streams = [s for job in jobs for s in self._streams(group, job) if not only_first_node or _node(s) == "algo-1"]
        lines: list[LogLine] = []
        token = start["token"] if start else ""
        for stream in streams[streams.index(start["stream"]) :] if start and start["stream"] in streams else streams:
            while len(lines) < limit:
                events, after = self._read(group, stream, limit - len(lines), token)
                lines += [line for e in events if contains in (line := _line(stream, e)).message]
                if after == token or not events:
                    break
                token = after
            if len(lines) >= limit:
                return Page(lines, encode_cursor({"stream": stream, "token": token}))
            token = ""
        return Page(lines, None)

    def _streams(self, group: str, job: str) -> list[str]:
        answer = found("logs", "describe_log_streams", logGroupName=group, logStreamNamePrefix=f"{job}/")
        return sorted(s["logStreamName"] for s in answer["logStreams"]) if answer is not None else []

    def _read(self, group: str, stream: str, limit: int, token: str) -> tuple[list[dict[str, Any]], str]:
        given = {"nextToken": token} if token else {}
        with translated():
            answer = client("logs").get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True, limit=min(limit, 10_000), **given
            )
        return answer["events"], answer["nextForwardToken"]


def _node(stream: str) -> str:
    return "-".join(stream.rpartition("/")[2].split("-")[:2])


def _line(stream: str, event: dict[str, Any]) -> LogLine:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    return LogLine(at=at, job=stream.partition("/")[0], node=_node(stream), message=event["message"])
