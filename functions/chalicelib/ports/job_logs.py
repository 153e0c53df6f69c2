"""Logs of jobs and endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from chalicelib.domain.records import Page


@dataclass(frozen=True)
class LogLine:
    """`at`: ISO 8601. `node`: `algo-1` is the first instance of a job."""

    at: str
    job: str
    node: str
    message: str


JobKind = Literal["training", "processing"]


class JobLogs(Protocol):
    """Logs of training jobs, or of processing jobs."""

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
        """Oldest first, job by job. `contains`: only lines with this text. Raises InvalidRequest (`cursor.invalid`)."""
