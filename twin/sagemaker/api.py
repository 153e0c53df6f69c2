"""The SageMaker API of the twin: these operations of moto are replaced, all others are moto's."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from twin.sagemaker.endpoint_api import EndpointOperations
from twin.sagemaker.endpoints import Endpoints
from twin.sagemaker.host import Machines
from twin.sagemaker.jobs import RUNNING, Job, JobRunner, resource_in_use
from twin.sagemaker.processing import ProcessingJob, ProcessingRunner
from twin.sagemaker.quotas import check_quota
from twin.sagemaker.runtime_api import Runtime
from twin.sagemaker.training import TrainingJob, TrainingRunner
from twin.sagemaker.transform import TransformJob, TransformRunner, model_of, refuse_unknown


class SageMaker:
    """The jobs and endpoints that run now."""

    def __init__(self, machines: Machines, quotas_file: Path):
        self._machines, self._quotas_file = machines, quotas_file
        self.endpoints = Endpoints(machines)
        self._runners: dict[str, JobRunner] = {}
        self._changing = threading.RLock()

    def install(self) -> None:
        """Replace moto's operations."""
        response = SageMakerResponse
        response.create_training_job = self._alone(self._create_training_job)
        response.describe_training_job = lambda request: self._describe(request, request.sagemaker_backend.training_jobs, TrainingJob)
        response.stop_training_job = lambda request: self._stop(request, request.sagemaker_backend.training_jobs, TrainingJob)
        response.create_processing_job = self._alone(self._create_processing_job)
        response.describe_processing_job = lambda request: self._describe(request, request.sagemaker_backend.processing_jobs, ProcessingJob)
        response.stop_processing_job = lambda request: self._stop(request, request.sagemaker_backend.processing_jobs, ProcessingJob)
        response.create_transform_job = self._alone(self._create_transform_job)
        response.describe_transform_job = lambda request: self._describe(request, request.sagemaker_backend.transform_jobs, TransformJob)
        response.stop_transform_job = lambda request: self._stop(request, request.sagemaker_backend.transform_jobs, TransformJob)
        EndpointOperations(self.endpoints).install(self._alone)
        Runtime(self.endpoints).install()

    def _alone(self, operation: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """One at a time: what it looks at (names, quotas, states) must still be so when it writes."""

        def call(request: Any) -> Any:
            with self._changing:
                return operation(request)

        return call

    def close(self) -> None:
        """End all processes."""
        with self._changing:
            runners = list(self._runners.values())
        for runner in runners:
            runner.close()
        self.endpoints.close()

    @staticmethod
    def fail_jobs_after_restart() -> None:
        """No process survives a restart: what was in progress is Failed, and says so."""
        for regions in list(sagemaker_backends.values()):
            for backend in list(regions.values()):
                for job in [*backend.training_jobs.values(), *backend.processing_jobs.values(), *backend.transform_jobs.values()]:
                    if isinstance(job, Job) and job.status in RUNNING:
                        job.fail("InternalServerError: the twin was restarted while the job was running. Please try again.")

    def _create_training_job(self, request: Any) -> ActionResult:
        backend, wanted = request.sagemaker_backend, _plain(request.params)
        _refuse_taken(backend.training_jobs, wanted["TrainingJobName"], "Training")
        check_quota(self._quotas_file, "TrainingJob", wanted, backend.training_jobs.values())
        job = TrainingJob(wanted, backend.account_id, backend.region_name)
        self._run(backend.training_jobs, TrainingRunner(job, self._machines))
        return ActionResult({"TrainingJobArn": job.arn})

    def _create_processing_job(self, request: Any) -> ActionResult:
        backend, wanted = request.sagemaker_backend, _plain(request.params)
        _refuse_taken(backend.processing_jobs, wanted["ProcessingJobName"], "Processing")
        job = ProcessingJob(wanted, backend.account_id, backend.region_name)
        self._run(backend.processing_jobs, ProcessingRunner(job, self._machines))
        return ActionResult({"ProcessingJobArn": job.arn})

    def _create_transform_job(self, request: Any) -> ActionResult:
        backend, wanted = request.sagemaker_backend, _plain(request.params)
        _refuse_taken(backend.transform_jobs, wanted["TransformJobName"], "Transform")
        model = model_of(backend, wanted["ModelName"])
        refuse_unknown(wanted)
        check_quota(self._quotas_file, "TransformJob", wanted, backend.transform_jobs.values())
        job = TransformJob(wanted, backend.account_id, backend.region_name)
        self._run(backend.transform_jobs, TransformRunner(job, self._machines, model))
        return ActionResult({"TransformJobArn": job.arn})

    def _run(self, jobs: dict[str, Job], runner: JobRunner) -> None:
        with self._changing:  # two at once would forget one of the runners, and nothing could stop its job
            jobs[runner.job.name] = runner.job
            runner.start()
            self._runners = {arn: r for arn, r in self._runners.items() if r.is_alive()} | {runner.job.arn: runner}

    @staticmethod
    def _describe(request: Any, jobs: dict[str, Job], kind: type[Job]) -> ActionResult:
        return ActionResult(_find(jobs, request.params[f"{kind.kind}Name"]).describe())

    def _stop(self, request: Any, jobs: dict[str, Job], kind: type[Job]) -> EmptyResult:
        job = _find(jobs, request.params[f"{kind.kind}Name"])
        if job.status not in RUNNING:
            raise ValidationError(message=f"The request was rejected because the {kind.arn_part} is in status {job.status}.")
        with self._changing:
            runner = self._runners.get(job.arn)
        if runner is not None:
            runner.stop_requested.set()
        return EmptyResult()


def _plain(parameters: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(parameters), default=str))
    return plain


def _find(jobs: dict[str, Job], name: str) -> Job:
    if name not in jobs:
        raise ValidationError(message="Requested resource not found.")
    return jobs[name]


def _refuse_taken(jobs: dict[str, Job], name: str, word: str) -> None:
    if name in jobs:
        raise resource_in_use(
            f"{word} job names must be unique within an AWS account and region, and a {word.lower()} job with this name already exists "
            f"({jobs[name].arn})"
        )
