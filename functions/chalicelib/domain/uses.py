"""What one thing has used in a month, and may still use at the most: instance hours by type, as SageMaker bills them.

An autoscaled service counts with the top of its range, in both: how many instances it has had, nobody keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.prices import instances_of
from chalicelib.domain.service import Service
from chalicelib.domain.task import Task
from chalicelib.domain.times import moment_of, text_of
from droplearn.contracts.status import EvaluationStatus, ServiceStatus

SERVERLESS = "serverless"
"""In place of an instance type: hours of one GB of memory that answers."""
Hours = dict[str, float]


class Use(NamedTuple):
    """Of the task, service, batch job or evaluation that `id` names."""

    id: str
    spent: Hours
    reserved: Hours


class Job(NamedTuple):
    """So many instances; it is ended after `limit_s`."""

    instance_type: str
    instances: float
    limit_s: float

    @property
    def at_most(self) -> Hours:
        """All of its time."""
        return {self.instance_type: self.instances * self.limit_s / 3600}


class TaskJobs(NamedTuple):
    """The training, and what comes after it: optimisation and evaluation, one after the other on the same type."""

    training: Job
    after: Job

    @property
    def at_most(self) -> Hours:
        """Of both."""
        return together([self.training.at_most, self.after.at_most])


class Run(NamedTuple):
    """A job as far as it has come. `since` None: it has not begun; `until` None: it has not ended."""

    job: Job
    since: str | None
    until: str | None
    is_over: bool

    def spent(self, month: datetime, now: datetime) -> Hours:
        """The part of it that lies in the month that begins then."""
        if self.since is None:
            return {}
        return {self.job.instance_type: self.job.instances * _seconds(max(moment_of(self.since), month), self.end(now)) / 3600}

    def reserved(self, now: datetime) -> Hours:
        """Until its limit, also where that lies in the next month."""
        if self.is_over:
            return {}
        if self.since is None:
            return self.job.at_most
        left_s = max(0.0, self.job.limit_s - _seconds(moment_of(self.since), now))
        return self.job._replace(limit_s=left_s).at_most

    def end(self, now: datetime) -> datetime:
        """Waiting for an instance is not billed: it is never later than the limit."""
        began = moment_of(self.since) if self.since else now
        return min(moment_of(self.until) if self.until else now, began + timedelta(seconds=self.job.limit_s))


def together(parts: Iterable[Mapping[str, float]]) -> Hours:
    """The sum, by type."""
    total: Hours = {}
    for part in parts:
        for name, hours in part.items():
            total[name] = total.get(name, 0.0) + hours
    return total


def the_larger(parts: Iterable[Mapping[str, float]]) -> Hours:
    """The most that one of them has of each type."""
    most: Hours = {}
    for part in parts:
        for name, hours in part.items():
            most[name] = max(most.get(name, 0.0), hours)
    return most


def use_of_task(task: Task, jobs: TaskJobs, month: datetime, now: datetime) -> Use:
    """All of its attempts."""
    return _use(task.id, [*task_runs(task, jobs), *_earlier(task.earlier_runs)], month, now)


def use_of_batch_job(job: BatchJob, month: datetime, now: datetime) -> Use:
    """All of its attempts."""
    return _use(job.id, [batch_run(job), *_earlier(job.earlier_runs)], month, now)


def use_of_evaluation(evaluation: Evaluation, job: Job, month: datetime, now: datetime) -> Use:
    """One that a person asked for; those of a task are the task's."""
    return _use(evaluation.id, [run_of_evaluation(evaluation, job)], month, now)


def use_of_deleted(id_: str, run: dict[str, Any], month: datetime, now: datetime) -> Use:
    """What is gone, but for what kept_runs told of it."""
    return _use(id_, _earlier([run]), month, now)


def use_of_service(service: Service, month: datetime, now: datetime, answered: Hours) -> Use:
    """`answered`: what a serverless one has used in the month."""
    spent = answered if service.serverless else _hosted(service, month, now)
    return Use(service.id, spent, most_hours(service, reserved_s(service, now)))


def most_hours(service: Service, seconds: float) -> Hours:
    """Of so many seconds more."""
    return {name: count * seconds / 3600 for name, count in most_instances(service).items()}


def transforms_of(job: BatchJob) -> Job:
    """All transform jobs of an attempt, as one."""
    return Job(job.instance_type, job.instance_count, job.max_runtime_s)


def most_instances(service: Service) -> Hours:
    """That it may have at once; serverless: GB."""
    if service.serverless:
        return {SERVERLESS: service.serverless["memory_mb"] / 1024 * service.serverless["max_concurrency"]}
    held = {name: count * _range(service) for name, count in instances_of(service).items()}
    coming = service.coming or {} if service.updating else {}
    return the_larger([held, coming])


def reserved_s(service: Service, now: datetime) -> float:
    """How long it may still run."""
    if service.state.is_terminal or service.state is ServiceStatus.STOPPING:
        return 0.0
    return service.max_runtime_s if service.stops_at is None else _seconds(now, moment_of(service.stops_at))


def run_of_evaluation(evaluation: Evaluation, job: Job) -> Run:
    """It has one attempt."""
    return Run(job, evaluation.created_at, evaluation.ended_at, EvaluationStatus(evaluation.status).is_terminal)


def kept_runs(runs: list[Run], now: datetime) -> list[dict[str, Any]]:
    """What a restart keeps of an attempt, since its times are forgotten."""
    return [
        {"instance_type": run.job.instance_type, "count": run.job.instances, "since": run.since, "until": text_of(run.end(now))}
        for run in runs
        if run.since
    ]


def task_runs(task: Task, jobs: TaskJobs) -> list[Run]:
    """Of the present attempt."""
    is_over, trained = task.state.is_terminal, task.training_ended_at
    training = Run(jobs.training, task.training_started_at, trained or task.ended_at, is_over or trained is not None)
    return [training, Run(jobs.after, trained, task.ended_at, is_over)]


def batch_run(job: BatchJob) -> Run:
    """The same."""
    return Run(transforms_of(job), job.started_at, job.ended_at, job.state.is_terminal)


def _use(id_: str, runs: list[Run], month: datetime, now: datetime) -> Use:
    return Use(id_, together(r.spent(month, now) for r in runs), together(r.reserved(now) for r in runs))


def _earlier(kept: list[dict[str, Any]]) -> list[Run]:
    return [Run(_job_of(k), k["since"], k["until"], is_over=True) for k in kept]


def _job_of(kept: dict[str, Any]) -> Job:
    return Job(kept["instance_type"], kept["count"], _seconds(moment_of(kept["since"]), moment_of(kept["until"])))


def _hosted(service: Service, month: datetime, now: datetime) -> Hours:
    """What it had before its last change of instances is spread evenly over that time."""
    since = service.billed_since or service.running_since
    if since is None:
        return {}
    until = moment_of(service.ended_at) if service.ended_at else now
    hours = _seconds(max(moment_of(since), month), until) / 3600
    parts = [{name: count * hours for name, count in instances_of(service).items()}]
    if service.billed_s and service.running_since:
        began, changed = moment_of(service.running_since), moment_of(since)
        share = _seconds(max(began, month), changed) / max(1.0, _seconds(began, changed))
        parts.append({name: seconds / 3600 * share for name, seconds in service.billed_s.items()})
    return {name: hours * _range(service) for name, hours in together(parts).items()}


def _range(service: Service) -> float:
    """How many times the least of its instances it may have: what is counted elsewhere is the least."""
    return service.autoscaling["max_instances"] / service.autoscaling["min_instances"] if service.autoscaling else 1.0


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
