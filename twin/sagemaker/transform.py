"""Transform jobs: a model server as an endpoint has it, asked about each object, and what it answers stored at the job's end.

Source: Amazon SageMaker developer guide, "Use Your Own Inference Code with Batch Transform"; API reference, CreateTransformJob,
TransformOutput, StopTransformJob.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError

from twin.sagemaker.host import Machines
from twin.sagemaker.jobs import Failed, JobRunner, PlainJob
from twin.sagemaker.servers import CannotServe, VariantServer
from twin.sagemaker.storage import DownloadFailed, files_below

_LOG_GROUP = "/aws/sagemaker/TransformJobs"
_MIB = 1024 * 1024
_DEFAULT_PAYLOAD_MB, _DEFAULT_TIMEOUT_S = 6, 600
_GRACE_S = 5.0
_UNKNOWN = "The twin sends each object as one request: %s is not possible"


class TransformJob(PlainJob):
    """The record of a transform job."""

    kind, arn_part = "TransformJob", "transform-job"

    transform_job_name = property(lambda self: self.name)  # these three: what moto's ListTransformJobs reads
    transform_job_status = property(lambda self: self.status)
    transform_end_time = property(lambda self: self.end_time)


def model_of(backend: Any, name: str) -> dict[str, Any]:
    """The model as DescribeModel tells it. Raises ValidationError when there is none."""
    if name not in backend._models:
        arn = f"arn:aws:sagemaker:{backend.region_name}:{backend.account_id}:model/{name}"
        raise ValidationError(message=f'Could not find model "{arn}".')
    found = backend.describe_model(name)
    return dict(found if isinstance(found, dict) else found.response_object)


def refuse_unknown(request: dict[str, Any]) -> None:
    """What this twin does not do is refused rather than ignored. Raises ValidationError."""
    source, output = request["TransformInput"], request["TransformOutput"]
    asked = {
        "BatchStrategy MultiRecord": request.get("BatchStrategy") == "MultiRecord",
        f"SplitType {source.get('SplitType')}": source.get("SplitType") not in (None, "None"),
        f"CompressionType {source.get('CompressionType')}": source.get("CompressionType") not in (None, "None"),
        f"AssembleWith {output.get('AssembleWith')}": output.get("AssembleWith") not in (None, "None"),
        "DataProcessing": bool(request.get("DataProcessing")),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise ValidationError(message=_UNKNOWN % what)


class TransformRunner(JobRunner):
    """Runs a transform job. It has no time limit of its own, as in AWS."""

    job: TransformJob

    def __init__(self, job: TransformJob, machines: Machines, model: dict[str, Any]):
        super().__init__(job, machines)
        request = job.request
        self._payload_mb = int(request.get("MaxPayloadInMB") or _DEFAULT_PAYLOAD_MB)
        self._at_once = int(request.get("MaxConcurrentTransforms") or 1)
        client = request.get("ModelClientConfig") or {}
        self._tries = 1 + int(client.get("InvocationsMaxRetries") or 0)
        self._timeout_s = float(client.get("InvocationsTimeoutInSeconds") or _DEFAULT_TIMEOUT_S)
        variant = {"VariantName": job.name}
        place = (machines, job.account, job.region, job.name)
        self._server = VariantServer(*place, variant, model, log_group=_LOG_GROUP, environment=self._environment())

    def _environment(self) -> dict[str, str]:
        told = {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._payload_mb),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._at_once),
        }
        return told | (self.job.request.get("Environment") or {})

    def close(self) -> None:
        """End at once, because the twin ends."""
        self._twin_closes = True
        self.stop_requested.set()
        self._server.stop(0.1)

    def _run(self) -> None:
        try:
            self._server.start()
            self.job.start_time = utcnow()
            failures = self._transform()
            if self._twin_closes:
                return
            if not self._ends_stopped():
                self._store()
                self._end(failures)
        except CannotServe as error:
            raise Failed(f"AlgorithmError: {error}") from None
        finally:
            self._server.stop(_GRACE_S if not self._twin_closes else 0.1)
            self._server.host.finish_log()

    def _ends_stopped(self) -> bool:
        """What was stopped stores nothing. Source: API reference, StopTransformJob."""
        if not self.stop_requested.is_set():
            return False
        self.job.move("Stopping")
        self._server.stop(_GRACE_S)
        self.job.move("Stopped")
        return True

    def _end(self, failures: list[str]) -> None:
        """One object that failed fails the job; the answers about the others are kept. Source: API reference, TransformOutput."""
        if failures:
            raise Failed(f"ClientError: See job logs for more information ({len(failures)} objects, the first: {failures[0]})")
        self.job.move("Completed")

    def _transform(self) -> list[str]:
        source = self.job.request["TransformInput"]["DataSource"]["S3DataSource"]
        host = self._server.host
        try:
            objects = host.storage.named(source["S3Uri"], source["S3DataType"], host.folder("output"))
        except DownloadFailed as error:
            raise Failed(f"ClientError: Data download failed:{error}") from None
        if not objects:
            raise Failed(f'ClientError: No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source.')
        with ThreadPoolExecutor(self._at_once) as pool:
            return [failure for failure in pool.map(lambda found: self._ask(*found), objects) if failure]

    def _ask(self, bucket: str, key: str, path: Path) -> str | None:
        """What went wrong, or None."""
        if self.stop_requested.is_set():
            return None
        try:
            body = self._server.host.storage.read(bucket, key)
        except DownloadFailed as error:
            return str(error)
        if len(body) > self._payload_mb * _MIB:
            return f"s3://{bucket}/{key}: too much data for max payload size"
        asked = self.job.request
        headers = {"content-type": asked["TransformInput"].get("ContentType") or "application/octet-stream"}
        if accept := asked["TransformOutput"].get("Accept"):
            headers["accept"] = accept
        for _ in range(self._tries):
            answer = self._server.invoke(body, headers, self._timeout_s)
            if answer.status == 200:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(path.name + ".out").write_bytes(answer.body)
                return None
        return f"s3://{bucket}/{key}: Bad HTTP status returned from model: {answer.status}"

    def _store(self) -> None:
        host, folder = self._server.host, self._server.host.folder("output")
        try:
            host.storage.upload_files(files_below(folder), folder, self.job.request["TransformOutput"]["S3OutputPath"])
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"ClientError: Output upload failed:{error}") from None
