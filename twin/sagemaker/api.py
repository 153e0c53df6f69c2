"""The SageMaker API of the twin: these operations of moto are replaced, all others are moto's."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from twin.sagemaker.endpoints import Endpoints
from twin.sagemaker.host import Machines
from twin.sagemaker.jobs import RUNNING, Job, JobRunner, resource_in_use
from twin.sagemaker.metrics import InvocationMetrics
from twin.sagemaker.processing import ProcessingJob, ProcessingRunner
from twin.sagemaker.quotas import check_quota
from twin.sagemaker.scaling import refuse_scaled, refuse_serverless
from twin.sagemaker.servers import error_body, original_message
from twin.sagemaker.training import TrainingJob, TrainingRunner
from twin.sagemaker.transform import TransformJob, TransformRunner, model_of, refuse_unknown

Reply = tuple[int, dict[str, Any], Any]


class SageMaker:
    """The jobs and endpoints that run now."""

    def __init__(self, machines: Machines, quotas_file: Path):
        self._machines, self._quotas_file = machines, quotas_file
        self.endpoints = Endpoints(machines)
        self._metrics = InvocationMetrics()
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
        self._install_endpoints()
        SageMakerRuntimeResponse.use_raw_body = True  # moto decodes the body as text: images crash
        SageMakerRuntimeResponse.invoke_endpoint = lambda request: self._invoke_endpoint(request)

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

    def _install_endpoints(self) -> None:
        response = SageMakerResponse
        create, delete, create_model, create_config = (
            response.create_endpoint,
            response.delete_endpoint,
            response.create_model,
            response.create_endpoint_config,
        )

        def create_endpoint(request: Any) -> Any:
            backend, name = request.sagemaker_backend, request.params["EndpointName"]
            _refuse_existing(backend.endpoints, name, "endpoint", request)
            result = create(request)
            self.endpoints.create(backend, backend.endpoints[name])
            return result

        def update_endpoint(request: Any) -> ActionResult:
            backend, name = request.sagemaker_backend, request.params["EndpointName"]
            backend.describe_endpoint(name)  # raises when it does not exist
            endpoint = backend.endpoints[name]
            if endpoint.endpoint_status not in ("InService", "Failed"):
                raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
            _require_config(backend, request.params["EndpointConfigName"])
            refuse_scaled(backend, endpoint, request.params["EndpointConfigName"])
            self.endpoints.update(backend, endpoint, request.params["EndpointConfigName"])
            return ActionResult({"EndpointArn": endpoint.arn})

        def weigh(request: Any) -> ActionResult:
            backend, name = request.sagemaker_backend, request.params["EndpointName"]
            backend.describe_endpoint(name)
            endpoint = backend.endpoints[name]
            wanted = {v["VariantName"]: float(v["DesiredWeight"]) for v in request.params["DesiredWeightsAndCapacities"]}
            _require_variants(endpoint, wanted)
            self.endpoints.weigh(backend, endpoint, wanted)
            return ActionResult({"EndpointArn": endpoint.arn})

        def delete_endpoint(request: Any) -> Any:
            backend = request.sagemaker_backend
            endpoint = backend.endpoints.get(request.params["EndpointName"])
            result = delete(request)
            self.endpoints.delete(backend, endpoint)
            return result

        def create_model_once(request: Any) -> Any:
            _refuse_existing(request.sagemaker_backend._models, request.params["ModelName"], "model", request)
            result = create_model(request)
            model = request.sagemaker_backend._models[request.params["ModelName"]]
            model.enable_network_isolation = bool(request.params.get("EnableNetworkIsolation"))
            return result

        def create_config_once(request: Any) -> Any:
            configs = request.sagemaker_backend.endpoint_configs
            _refuse_existing(configs, request.params["EndpointConfigName"], "endpoint configuration", request)
            refuse_serverless(request.sagemaker_backend, request.params["ProductionVariants"])
            return create_config(request)

        response.create_endpoint, response.update_endpoint = self._alone(create_endpoint), self._alone(update_endpoint)
        response.delete_endpoint, response.update_endpoint_weights_and_capacities = self._alone(delete_endpoint), self._alone(weigh)
        response.create_model, response.create_endpoint_config = self._alone(create_model_once), self._alone(create_config_once)

    def _invoke_endpoint(self, request: Any) -> Reply:
        name = request.path.split("/")[2]
        backend = sagemaker_backends[request.current_account][request.region]
        endpoint = backend.endpoints.get(name)
        if endpoint is None or endpoint.endpoint_status not in ("InService", "Updating"):
            return _runtime_error(400, "ValidationError", f"Endpoint {name} of account {backend.account_id} not found.")
        headers = {key.lower(): value for key, value in dict(request.headers).items()}
        wanted = headers.get("x-amzn-sagemaker-target-variant")
        body = request.raw_body if isinstance(request.raw_body, bytes) else (request.raw_body or "").encode()
        with self.endpoints.serving(endpoint, wanted) as server:
            if server is None:
                message = f"Variant {wanted} not found for Endpoint {name} of account {backend.account_id}."
                return _runtime_error(400, "ValidationError", message)
            began = time.perf_counter()
            answer = server.invoke(body, headers)
        taken_s = time.perf_counter() - began
        self._metrics.record(backend.account_id, backend.region_name, name, server.name, answer.status, taken_s)
        if answer.status >= 400:
            logs = (
                f"https://{backend.region_name}.console.aws.amazon.com/cloudwatch/home#logEventViewer:group=/aws/sagemaker/Endpoints/{name}"
            )
            text = answer.body.decode(errors="replace")
            return _runtime_error(
                424,
                "ModelError",
                original_message(answer, server.name, logs),
                OriginalStatusCode=answer.status,
                OriginalMessage=text,
                LogStreamArn=logs,
            )
        return 200, _answer_headers(answer.headers, server.name), answer.body


def _answer_headers(headers: Any, variant: str) -> dict[str, str]:
    found = {"Content-Type": headers.get("Content-Type", "application/octet-stream")}
    found["x-Amzn-Invoked-Production-Variant"] = variant
    if custom := headers.get("X-Amzn-SageMaker-Custom-Attributes"):
        found["X-Amzn-SageMaker-Custom-Attributes"] = custom
    return found


def _runtime_error(status: int, kind: str, message: str, **fields: Any) -> Reply:
    headers = {"status": status, "x-amzn-errortype": kind, "Content-Type": "application/json"}
    return status, headers, error_body(message, **fields)


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


def _refuse_existing(found: dict[str, Any], name: str, word: str, request: Any) -> None:
    if name in found:
        arn = f"arn:aws:sagemaker:{request.region}:{request.current_account}:{word.replace('uration', '').replace(' ', '-')}/{name}"
        raise ValidationError(message=f'Cannot create already existing {word} "{arn}".')


def _require_variants(endpoint: Any, wanted: dict[str, float]) -> None:
    if endpoint.endpoint_status != "InService":
        raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
    known = {variant["VariantName"] for variant in endpoint.production_variants}
    if unknown := sorted(set(wanted) - known):
        config = endpoint.endpoint_config_name
        message = f'The variant name(s) "{", ".join(unknown)}" is/are not present within endpoint configuration "{config}".'
        raise ValidationError(message=message)


def _require_config(backend: Any, name: str) -> None:
    if name not in backend.endpoint_configs:
        arn = f"arn:aws:sagemaker:{backend.region_name}:{backend.account_id}:endpoint-config/{name}"
        raise ValidationError(message=f'Could not find endpoint configuration "{arn}".')
