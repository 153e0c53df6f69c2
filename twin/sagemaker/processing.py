"""Processing jobs: inputs below /opt/ml/processing, the container's own entrypoint, outputs uploaded at the end of the job.

Source: Amazon SageMaker developer guide, "Build your own processing container"; API reference, CreateProcessingJob.
"""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow

from twin.processes import GuardedProcess
from twin.sagemaker.containers import CannotStartContainer
from twin.sagemaker.host import Host
from twin.sagemaker.jobs import REASON_LIMIT, End, Failed, JobRunner, PlainJob
from twin.sagemaker.storage import DownloadFailed, files_below

_LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_MESSAGE_FILE = ("output", "message")  # /opt/ml/output/message becomes the ExitMessage


class ProcessingJob(PlainJob):
    """The record of a processing job."""

    kind, arn_part = "ProcessingJob", "processing-job"
    exit_message: str | None = None

    processing_job_name = property(lambda self: self.name)  # these three: what moto's ListProcessingJobs reads
    processing_job_status = property(lambda self: self.status)
    processing_end_time = property(lambda self: self.end_time)

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeProcessingJob."""
        answer = super().describe() | {"LastModifiedTime": self.last_modified_time}
        return answer if self.exit_message is None else answer | {"ExitMessage": self.exit_message}


class ProcessingRunner(JobRunner):
    """Runs a processing job."""

    job: ProcessingJob

    def _run(self) -> None:
        job, request = self.job, self.job.request
        host = self._open_host(_LOG_GROUP)
        self._write_configuration(host)
        self._download(host)
        if self.stop_requested.is_set():
            job.move("Stopped")
            return
        job.start_time = utcnow()
        process = self._start(host)
        end, code = self._supervise(host, process, (request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds"))
        if self._twin_closes:
            return
        self._finish(host, end, code)

    def _outputs(self) -> list[dict[str, Any]]:
        return (self.job.request.get("ProcessingOutputConfig") or {}).get("Outputs") or []

    def _write_configuration(self, host: Host) -> None:
        instance = (self.job.request.get("ProcessingResources") or {}).get("ClusterConfig") or {}
        resources = {
            "current_host": "algo-1",
            "current_instance_type": instance.get("InstanceType"),
            "hosts": ["algo-1"],
        }
        folder = host.folder("config")
        (folder / "resourceconfig.json").write_text(json.dumps(resources))
        (folder / "processingjobconfig.json").write_text(json.dumps(self.job.request, default=str))
        host.folder("output")

    def _download(self, host: Host) -> None:
        for output in self._outputs():
            self._local(host, output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        try:
            for item in self.job.request.get("ProcessingInputs") or []:
                source = item["S3Input"]
                folder = self._local(host, source["LocalPath"])
                folder.mkdir(parents=True, exist_ok=True)
                if not host.storage.download(source["S3Uri"], source["S3DataType"], folder):
                    raise DownloadFailed(f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source.')
        except DownloadFailed as error:
            raise Failed(f"ClientError: Data download failed:{error}") from None

    @staticmethod
    def _local(host: Host, path: str) -> Path:
        """A path below /opt/ml/processing, below this host's base folder."""
        if not PurePosixPath(path).is_relative_to("/opt/ml/processing") or ".." in PurePosixPath(path).parts:
            raise Failed(f"ClientError: LocalPath {path} must be below /opt/ml/processing")
        return host.base / PurePosixPath(path).relative_to("/opt/ml")

    def _start(self, host: Host) -> GuardedProcess:
        request = self.job.request
        application = request["AppSpecification"]
        words = [*(application.get("ContainerEntrypoint") or ["process"]), *(application.get("ContainerArguments") or [])]
        variables = {"PROCESSING_JOB_NAME": self.job.name, "PROCESSING_JOB_ARN": self.job.arn}
        try:
            return host.start(application["ImageUri"], words, variables | (request.get("Environment") or {}))
        except CannotStartContainer as error:
            raise Failed(f"ClientError: {error}") from None

    def _on_stopping(self) -> None:
        self.job.move("Stopping")

    def _finish(self, host: Host, end: End, code: int) -> None:
        message = host.base.joinpath(*_MESSAGE_FILE)
        if message.is_file():
            self.job.exit_message = message.read_text(errors="replace")[:REASON_LIMIT]
        try:
            for output in self._outputs():
                folder = self._local(host, output["S3Output"]["LocalPath"])
                host.storage.upload_files(files_below(folder), folder, output["S3Output"]["S3Uri"])
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"ClientError: Output upload failed:{error}") from None
        if end is End.STOPPED:
            self.job.move("Stopped")
        elif end is End.OUT_OF_TIME:
            self.job.failure_reason = "MaxRuntimeExceeded: the job ran longer than MaxRuntimeInSeconds"
            self.job.move("Stopped")
        elif code:
            raise Failed(f"AlgorithmError: See job logs for more information, exit code: {code}")
        else:
            self.job.move("Completed")
