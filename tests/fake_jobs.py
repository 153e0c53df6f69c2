"""In-memory fakes of the ports around batch jobs and trials."""

from __future__ import annotations

from chalicelib.ports import TransformJob, TrialAnswer, TrialQuestion


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
