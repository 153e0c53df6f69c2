"""In-memory fakes of the ports around jobs and executions: what they do, how they are stopped, what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.records import Page
from chalicelib.ports import JobKind, LogLine, TrainingJob, TransformJob, TrialAnswer, TrialQuestion


class FakeTransformJobs:
    """Port TransformJobs."""

    def __init__(self) -> None:
        self.known: dict[str, TransformJob] = {}
        self.stopped: list[str] = []

    def describe(self, name: str) -> TransformJob | None:
        return self.known.get(name)

    def stop(self, name: str) -> str:
        job = self.known.get(name)
        if job is None:
            return "unknown"
        self.stopped.append(name)
        return "stopping" if job.status == "InProgress" else "over"


class FakeTrialRunner:
    """Port TrialRunner. `reply`: raised where it is an error."""

    def __init__(self) -> None:
        self.reply: TrialAnswer | Exception = TrialAnswer(200, b'{"success": true}', 1.5, 0.01)
        self.asked: list[TrialQuestion] = []

    def answer(self, question: TrialQuestion) -> TrialAnswer:
        self.asked.append(question)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


class FakeTrainingJobs:
    """Port TrainingJobs."""

    def __init__(self) -> None:
        self.known: dict[str, TrainingJob] = {}
        self.stopped: list[str] = []

    def describe(self, name: str) -> TrainingJob | None:
        return self.known.get(name)

    def stop(self, name: str) -> str:
        job = self.known.get(name)
        if job is None:
            return "unknown"
        if job.status != "InProgress":
            return "over"
        self.stopped.append(name)
        self.known[name] = replace(job, status="Stopping")
        return "stopping"


class FakeExecutions:
    """Port Executions. `broken`: raised by the next start."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.stopped: list[str] = []
        self.dead: set[str] = set()
        self.answers: list[tuple[str, str]] = []
        self.broken: BaseException | None = None

    def start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        if self.broken is not None:
            raise self.broken
        if not any(n == name for _, n, _ in self.started):
            self.started.append((machine, name, dict(given)))
        return f"arn:execution:{machine}:{name}"

    def stop(self, arn: str, cause: str) -> None:
        self.stopped.append(arn)

    def is_running(self, arn: str) -> bool:
        return arn not in self.dead

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        self.answers.append(("succeed", token))
        return True

    def fail(self, token: str, error: str, cause: str) -> bool:
        self.answers.append((f"fail {error}", token))
        return True


class FakeJobLogs:
    """Port JobLogs."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

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
        start = int((decode_cursor(cursor, {"stream", "token"}) or {"token": "0"})["token"])
        found = [x for x in self.lines if x.job in jobs and contains in x.message and (x.node == "algo-1" or not only_first_node)]
        rest = found[start:]
        place = {"stream": "", "token": str(start + limit)} if len(rest) > limit else None
        return Page(rest[:limit], encode_cursor(place))
