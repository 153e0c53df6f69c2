"""Which jobs SageMaker bills for a task, a batch job or an evaluation, and how long each may run."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.job_limits import EVALUATION_RUNTIME_S, GRACE_S
from chalicelib.domain.uses import Job, TaskJobs
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named


def task_jobs(scenario: str, settings: dict[str, Any]) -> TaskJobs:
    """`settings`: a TaskSettings as JSON."""
    told = TaskSettings.model_validate(settings)
    optimise_s = told.optimise.max_runtime_s + GRACE_S if told.optimise.variants else 0
    after = evaluation_job(scenario)
    training = Job(told.resources.instance_type, told.resources.instance_count, told.max_runtime_s + GRACE_S)
    return TaskJobs(training, after._replace(limit_s=after.limit_s + optimise_s))


def evaluation_job(scenario: str) -> Job:
    """Also that of a task."""
    return Job(scenario_named(scenario).spec.default_training_instance, 1, EVALUATION_RUNTIME_S)
