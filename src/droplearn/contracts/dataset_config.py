"""`droplearn.yaml` at a dataset's root: the scenario, and optionally a task that starts when the drop is complete."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from droplearn.contracts.document import Document, Part
from droplearn.contracts.training import TaskSettings

MAX_CONFIG_BYTES = 64 * 1024


class TrainSection(TaskSettings):
    """`train:`. The task starts once nothing was dropped for `quiet_period_s` seconds."""

    quiet_period_s: Annotated[int, Field(ge=5, le=900)] = 60
    """At most 15 minutes: the longest delay of an SQS message. Source: Amazon SQS delay queues."""
    deploy: bool = False

    def settings(self) -> TaskSettings:
        """Without the two fields that are not the task's."""
        return TaskSettings(**self.model_dump(exclude={"quiet_period_s", "deploy"}))


class DatasetConfig(Document):
    """The file. Unknown keys are refused, so that a misspelt option is not ignored."""

    scenario: str | None = None
    description: Annotated[str, Field(max_length=200)] | None = None
    train: TrainSection | None = None
    is_sample: bool = False
    """Sample data to try the product with: models that learnt from it are not evaluated on other datasets."""


class ConfigProblem(Part):
    """Why a droplearn.yaml was not taken over; shown with the dataset."""

    message: str
    hint: str
