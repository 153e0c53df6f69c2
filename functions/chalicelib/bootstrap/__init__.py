"""Wires the ports to AWS. Entry points call platform(); nothing is made, and no module of an adapter imported, before it is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.bootstrap.records import TableOfRecords
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.ports import (
        Announcer,
        Artifacts,
        Autoscaling,
        DroppedFiles,
        DropQueue,
        Endpoints,
        ExampleStore,
        Executions,
        Invoker,
        JobLogs,
        Lines,
        Links,
        QuietTimer,
        RecallTables,
        ServiceImages,
        ServiceMetrics,
        SweepSchedule,
        TrainingJobs,
        TransformJobs,
        TrialRunner,
    )


class AwsPlatform(TableOfRecords):
    """The port Platform."""

    @cached_property
    def trial_runner(self) -> TrialRunner:
        """The serving image as a Lambda."""
        from chalicelib.adapters.trial_runner import LambdaTrialRunner

        return LambdaTrialRunner(self.settings.trial_function)

    @cached_property
    def service_images(self) -> ServiceImages:
        """What services are tested with."""
        from chalicelib.adapters.s3_objects import S3Objects

        return S3Objects(self.settings.data_bucket)

    @cached_property
    def examples(self) -> ExampleStore:
        """Examples and their counters."""
        from chalicelib.adapters.example_store import TableExampleStore

        return TableExampleStore(self.settings.table_name, self.settings.data_bucket)

    @cached_property
    def dropped(self) -> DroppedFiles:
        """What is read of the data bucket."""
        from chalicelib.adapters.drops import S3DroppedFiles

        return S3DroppedFiles(self.settings.data_bucket)

    @cached_property
    def drop_queue(self) -> DropQueue:
        """Where drop messages come from."""
        from chalicelib.adapters.drops import SqsDropQueue

        return SqsDropQueue(self.settings.drop_queue_url)

    @cached_property
    def quiet_timer(self) -> QuietTimer:
        """Delayed messages."""
        from chalicelib.adapters.drops import SqsQuietTimer

        return SqsQuietTimer(self.settings.quiet_queue_url)

    @cached_property
    def training_jobs(self) -> TrainingJobs:
        """Training jobs."""
        from chalicelib.adapters.jobs import SageMakerTrainingJobs

        return SageMakerTrainingJobs()

    @cached_property
    def transform_jobs(self) -> TransformJobs:
        """Transform jobs."""
        from chalicelib.adapters.jobs import SageMakerTransformJobs

        return SageMakerTransformJobs()

    @cached_property
    def endpoints(self) -> Endpoints:
        """Endpoints."""
        from chalicelib.adapters.endpoints import SageMakerEndpoints

        return SageMakerEndpoints()

    @cached_property
    def autoscaling(self) -> Autoscaling:
        """Of endpoints."""
        from chalicelib.adapters.autoscaling import SageMakerAutoscaling

        return SageMakerAutoscaling()

    @cached_property
    def announcer(self) -> Announcer:
        """EventBridge."""
        from chalicelib.adapters.announcer import EventBridgeAnnouncer

        return EventBridgeAnnouncer()

    @cached_property
    def sweep_schedule(self) -> SweepSchedule:
        """A rule of EventBridge."""
        from chalicelib.adapters.sweep_schedule import EventBridgeSweepSchedule

        return EventBridgeSweepSchedule(self.settings.sweep_rule)

    @cached_property
    def service_metrics(self) -> ServiceMetrics:
        """CloudWatch's."""
        from chalicelib.adapters.service_metrics import CloudWatchServiceMetrics

        return CloudWatchServiceMetrics()

    @cached_property
    def invoker(self) -> Invoker:
        """Running endpoints."""
        from chalicelib.adapters.invoker import SageMakerInvoker

        return SageMakerInvoker()

    @cached_property
    def executions(self) -> Executions:
        """Executions of the state machines."""
        from chalicelib.adapters.executions import StepFunctionsExecutions

        return StepFunctionsExecutions(self.settings)

    @cached_property
    def artifacts(self) -> Artifacts:
        """The artifact bucket."""
        from chalicelib.adapters.s3_objects import S3Objects

        return S3Objects(self.settings.artifact_bucket)

    @cached_property
    def lines(self) -> Lines:
        """Files of both buckets, line by line."""
        from chalicelib.adapters.s3_lines import S3Lines

        return S3Lines({"artifacts": self.settings.artifact_bucket, "data": self.settings.data_bucket})

    @cached_property
    def links(self) -> Links:
        """Presigned URLs."""
        from chalicelib.adapters.links import S3Links

        return S3Links(self.settings.artifact_bucket, self.settings.data_bucket)

    @cached_property
    def recall_tables(self) -> RecallTables:
        """The rows of services of tables."""
        from chalicelib.adapters.recall_tables import DynamoRecallTables

        return DynamoRecallTables(self.settings.recall_table_name)

    @cached_property
    def job_logs(self) -> JobLogs:
        """Logs of training jobs."""
        from chalicelib.adapters.job_logs import CloudWatchJobLogs

        return CloudWatchJobLogs()

    def endpoint_logs(self, service_id: str) -> JobLogs:
        """Logs of an endpoint's servers."""
        from chalicelib.adapters.job_logs import CloudWatchJobLogs

        return CloudWatchJobLogs(f"/aws/sagemaker/Endpoints/{service_id}")

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)


@cache
def platform() -> AwsPlatform:
    """One per process."""
    return AwsPlatform(Settings())
