"""SageMaker's training and transform jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class TrainingJob:
    """What matters of DescribeTrainingJob. `status`: InProgress, Completed, Failed, Stopping, Stopped."""

    name: str
    status: str
    secondary_status: str = ""
    failure_reason: str = ""
    model_artifacts: str | None = None


StopAnswer = Literal["stopping", "over", "unknown"]


@dataclass(frozen=True)
class TransformJob:
    """What matters of DescribeTransformJob. `status` as a training job's."""

    name: str
    status: str
    failure_reason: str = ""


class TrainingJobs(Protocol):
    """SageMaker training jobs."""

    def describe(self, name: str) -> TrainingJob | None:
        """None: there is no such job."""

    def stop(self, name: str) -> StopAnswer:
        """What became of the wish."""


class TransformJobs(Protocol):
    """SageMaker transform jobs."""

    def describe(self, name: str) -> TransformJob | None:
        """None: there is no such job."""

    def stop(self, name: str) -> StopAnswer:
        """What became of the wish."""
