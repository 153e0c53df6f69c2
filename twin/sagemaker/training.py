"""Training jobs: channels in, checkpoints synced while it runs, model.tar.gz and output.tar.gz out.

Source: Amazon SageMaker developer guide, "How Amazon SageMaker AI Runs Your Training Image".
"""

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow

from twin.processes import GuardedProcess
from twin.sagemaker.containers import CannotStartContainer
from twin.sagemaker.host import Host
from twin.sagemaker.jobs import ENDED, REASON_LIMIT, End, Failed, Job, JobRunner
from twin.sagemaker.storage import DownloadFailed, files_below

log = logging.getLogger("twin.sagemaker")
_CHECKPOINT_SYNC_S = 1.0
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingJob(Job):
    """The record of a training job."""

    kind, arn_part = "TrainingJob", "training-job"

    def __init__(self, request: dict[str, Any], account: str, region: str):
        super().__init__(request, account, region)
        self.output_uri = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"
        self.has_model = False
        self.metrics: list[dict[str, Any]] = []
        self.transitions: list[dict[str, Any]] = []
        self.move("Starting", "Preparing the instances for training")

    training_job_name = property(lambda self: self.name)  # these three: what moto's ListTrainingJobs reads
    training_job_status = property(lambda self: self.status)
    training_end_time = property(lambda self: self.end_time)

    def move(self, secondary_status: str, message: str, status: str | None = None) -> None:
        """Go to a secondary (and perhaps a primary) status, and say so on the event bus."""
        now = utcnow()
        if self.transitions:
            self.transitions[-1]["EndTime"] = now
        self.transitions.append({"Status": secondary_status, "StartTime": now, "StatusMessage": message})
        self.last_modified_time = now
        if status in ENDED:
            self.end_time = self.transitions[-1]["EndTime"] = now
        self.status = status or self.status  # last: who sees it may ask for the times at once
        self.announce()

    def fail(self, reason: str) -> None:
        """End as Failed."""
        self.failure_reason = reason[:REASON_LIMIT]
        self.move("Failed", "Training job failed", "Failed")

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeTrainingJob."""
        answer = self.asked() | {
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.transitions[-1]["Status"],
            "SecondaryStatusTransitions": [dict(t) for t in self.transitions],
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "FinalMetricDataList": list(self.metrics),
        }
        if self.has_model:
            answer["ModelArtifacts"] = {"S3ModelArtifacts": f"{self.output_uri}/model.tar.gz"}
        if self.failure_reason is not None:
            answer["FailureReason"] = self.failure_reason
        if self.start_time is not None:
            answer["TrainingStartTime"] = self.start_time
        if self.end_time is not None:
            answer["TrainingEndTime"] = self.end_time
            if self.start_time is not None:
                seconds = max(1, round((self.end_time - self.start_time).total_seconds()))
                answer |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return answer


class TrainingRunner(JobRunner):
    """Runs a training job."""

    job: TrainingJob

    def _run(self) -> None:
        job, request = self.job, self.job.request
        host = self._open_host(_LOG_GROUP)
        self._synced: dict[Path, tuple[int, int]] = {}
        self._next_sync = time.monotonic() + _CHECKPOINT_SYNC_S
        self._write_configuration(host)
        job.move("Downloading", "Downloading input data")
        self._download(host)
        if self.stop_requested.is_set():
            job.move("Stopped", "Training job stopped", "Stopped")
            return
        job.start_time = utcnow()
        job.move("Training", "Training image download completed. Training in progress.")
        process = self._start(host)
        end, code = self._supervise(host, process, (request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds"))
        if self._twin_closes:
            return  # the record stays InProgress; the restart fails it
        self._finish(host, end, code)

    def _write_configuration(self, host: Host) -> None:
        request = self.job.request
        for parts in (("model",), ("output", "data"), ("checkpoints",), ("input", "data")):
            host.folder(*parts)
        resources = request.get("ResourceConfig") or {}
        group = {"instance_group_name": "homogeneousCluster", "hosts": ["algo-1"], "instance_type": resources.get("InstanceType")}
        documents = {
            "hyperparameters.json": request.get("HyperParameters") or {},
            "inputdataconfig.json": {c["ChannelName"]: _channel_configuration(c) for c in self._channels()},
            "resourceconfig.json": {
                "current_host": "algo-1",
                "current_instance_type": resources.get("InstanceType"),
                "current_group_name": "homogeneousCluster",
                "hosts": ["algo-1"],
                "instance_groups": [group],
                "network_interface_name": "lo",
            },
        }
        for name, document in documents.items():
            (host.folder("input", "config") / name).write_text(json.dumps(document))

    def _channels(self) -> list[dict[str, Any]]:
        return self.job.request.get("InputDataConfig") or []

    def _download(self, host: Host) -> None:
        try:
            for channel in self._channels():
                source = channel["DataSource"]["S3DataSource"]
                folder = host.folder("input", "data", channel["ChannelName"])
                if not host.storage.download(source["S3Uri"], source["S3DataType"], folder):
                    raise DownloadFailed(f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source.')
            if checkpoints := self.job.request.get("CheckpointConfig"):
                host.storage.download(_as_folder(checkpoints["S3Uri"]), "S3Prefix", host.folder("checkpoints"))
                self._synced = files_below(host.folder("checkpoints"))
        except DownloadFailed as error:
            raise Failed(f"ClientError: Data download failed:{error}") from None

    def _start(self, host: Host) -> GuardedProcess:
        request = self.job.request
        algorithm = request["AlgorithmSpecification"]
        words = [*(algorithm.get("ContainerEntrypoint") or ["train"]), *(algorithm.get("ContainerArguments") or [])]
        variables = self._variables(host) | (request.get("Environment") or {})
        try:
            return host.start(algorithm["TrainingImage"], words, variables, algorithm.get("MetricDefinitions") or [])
        except CannotStartContainer as error:
            raise Failed(f"ClientError: {error}") from None

    def _variables(self, host: Host) -> dict[str, str]:
        names = [c["ChannelName"] for c in self._channels()]
        parameters = self.job.request.get("HyperParameters") or {}
        return {
            "TRAINING_JOB_NAME": self.job.name,
            "TRAINING_JOB_ARN": self.job.arn,
            "SM_MODEL_DIR": str(host.folder("model")),
            "SM_OUTPUT_DIR": str(host.folder("output")),
            "SM_OUTPUT_DATA_DIR": str(host.folder("output", "data")),
            "SM_INPUT_DIR": str(host.folder("input")),
            "SM_INPUT_CONFIG_DIR": str(host.folder("input", "config")),
            "SM_CHANNELS": json.dumps(names),
            "SM_HPS": json.dumps(parameters),
            "SM_NUM_GPUS": "0",
            "SM_NUM_CPUS": str(os.cpu_count()),
            "SM_CURRENT_HOST": "algo-1",
            "SM_HOSTS": '["algo-1"]',
            **{f"SM_CHANNEL_{name.upper()}": str(host.folder("input", "data", name)) for name in names},
        }

    def _on_stopping(self) -> None:
        self.job.move("Stopping", "Stopping the training job", "Stopping")

    def _on_tick(self) -> None:
        if self.host is None:
            return
        self.job.metrics = list(self.host.metrics.values())
        if time.monotonic() >= self._next_sync:
            self._sync_checkpoints(self.host)
            self._next_sync = time.monotonic() + _CHECKPOINT_SYNC_S

    def _sync_checkpoints(self, host: Host) -> None:
        """Upload the checkpoint files that have changed since the last time."""
        configuration = self.job.request.get("CheckpointConfig")
        if not configuration:
            return
        folder = host.folder("checkpoints")
        found = files_below(folder)
        changed = [path for path, version in found.items() if self._synced.get(path) != version]
        try:
            host.storage.upload_files(changed, folder, configuration["S3Uri"])
            self._synced = found
        except (BotoCoreError, ClientError) as error:
            log.warning("checkpoints of %s: %s", self.job.name, error)

    def _finish(self, host: Host, end: End, code: int) -> None:
        job = self.job
        job.metrics = list(host.metrics.values())
        self._sync_checkpoints(host)
        has_output, has_model = (any(host.folder(*parts).iterdir()) for parts in (("output", "data"), ("model",)))
        has_succeeded = code == 0 or end is not End.EXITED
        if has_output or (has_model and has_succeeded):
            job.move("Uploading", "Uploading generated training model")
        try:
            if has_output:
                host.storage.upload_tar(host.folder("output", "data"), f"{job.output_uri}/output.tar.gz")
            if has_model and has_succeeded:
                host.storage.upload_tar(host.folder("model"), f"{job.output_uri}/model.tar.gz")
                job.has_model = True
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"ClientError: Artifact upload failed:{error}") from None
        if end is End.OUT_OF_TIME:
            job.move("MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided", "Stopped")
        elif end is End.STOPPED:
            job.move("Stopped", "Training job stopped", "Stopped")
        elif code:
            raise Failed(_failure_reason(host.base / "output" / "failure", code))
        else:
            job.move("Completed", "Training job completed", "Completed")


def _channel_configuration(channel: dict[str, Any]) -> dict[str, str]:
    return {
        "ContentType": channel.get("ContentType", ""),
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }


def _as_folder(uri: str) -> str:
    return uri.rstrip("/") + "/"


def _failure_reason(file: Path, code: int) -> str:
    text = file.read_text(errors="replace") if file.is_file() else ""
    ending = f", exit code: {code}"
    return f"AlgorithmError: {text}"[: REASON_LIMIT - len(ending)] + ending
