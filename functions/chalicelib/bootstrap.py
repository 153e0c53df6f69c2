"""Wires the ports to AWS. Entry points call platform(); nothing is made, and no module of an adapter imported, before it is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.domain.batch_job import BatchJob
    from chalicelib.domain.dataset import Dataset
    from chalicelib.domain.evaluation import Evaluation
    from chalicelib.domain.model import Model
    from chalicelib.domain.preview_link import PreviewLink
    from chalicelib.domain.project import Project
    from chalicelib.domain.records import R
    from chalicelib.domain.request import Request
    from chalicelib.domain.service import LiveService, Service
    from chalicelib.domain.service_event import ServiceEvent
    from chalicelib.domain.service_test import ServiceTest
    from chalicelib.domain.service_version import ServiceUpdate, ServiceVersion
    from chalicelib.domain.strategy import Filter, Strategy
    from chalicelib.domain.sweep import Sweep
    from chalicelib.domain.task import Task
    from chalicelib.domain.token import Token
    from chalicelib.domain.trial import Trial, TrialCall
    from chalicelib.ports import (
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
        Records,
        ServiceImages,
        ServiceMetrics,
        SweepSchedule,
        TrainingJobs,
        TransformJobs,
        TrialRunner,
    )


class AwsPlatform:
    """The port Platform."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def _records(self, record_type: type[R]) -> Records[R]:
        from chalicelib.adapters.records import TableRecords

        return TableRecords(self.settings.table_name, record_type)

    @cached_property
    def projects(self) -> Records[Project]:
        """Projects."""
        from chalicelib.domain.project import Project

        return self._records(Project)

    @cached_property
    def datasets(self) -> Records[Dataset]:
        """Datasets."""
        from chalicelib.domain.dataset import Dataset

        return self._records(Dataset)

    @cached_property
    def tasks(self) -> Records[Task]:
        """Tasks."""
        from chalicelib.domain.task import Task

        return self._records(Task)

    @cached_property
    def models(self) -> Records[Model]:
        """Models."""
        from chalicelib.domain.model import Model

        return self._records(Model)

    @cached_property
    def evaluations(self) -> Records[Evaluation]:
        """Evaluations."""
        from chalicelib.domain.evaluation import Evaluation

        return self._records(Evaluation)

    @cached_property
    def services(self) -> Records[Service]:
        """Services."""
        from chalicelib.domain.service import Service

        return self._records(Service)

    @cached_property
    def live_services(self) -> Records[LiveService]:
        """What the sweep looks at."""
        from chalicelib.domain.service import LiveService

        return self._records(LiveService)

    @cached_property
    def batch_jobs(self) -> Records[BatchJob]:
        """Batch jobs."""
        from chalicelib.domain.batch_job import BatchJob

        return self._records(BatchJob)

    @cached_property
    def service_versions(self) -> Records[ServiceVersion]:
        """Versions of services."""
        from chalicelib.domain.service_version import ServiceVersion

        return self._records(ServiceVersion)

    @cached_property
    def service_updates(self) -> Records[ServiceUpdate]:
        """Update records of services."""
        from chalicelib.domain.service_version import ServiceUpdate

        return self._records(ServiceUpdate)

    @cached_property
    def service_events(self) -> Records[ServiceEvent]:
        """Lifecycle events of services."""
        from chalicelib.domain.service_event import ServiceEvent

        return self._records(ServiceEvent)

    @cached_property
    def strategies(self) -> Records[Strategy]:
        """Strategies."""
        from chalicelib.domain.strategy import Strategy

        return self._records(Strategy)

    @cached_property
    def filters(self) -> Records[Filter]:
        """Filters."""
        from chalicelib.domain.strategy import Filter

        return self._records(Filter)

    @cached_property
    def tokens(self) -> Records[Token]:
        """Tokens."""
        from chalicelib.domain.token import Token

        return self._records(Token)

    @cached_property
    def preview_links(self) -> Records[PreviewLink]:
        """Links to previews."""
        from chalicelib.domain.preview_link import PreviewLink

        return self._records(PreviewLink)

    @cached_property
    def requests(self) -> Records[Request]:
        """Remembered requests."""
        from chalicelib.domain.request import Request

        return self._records(Request)

    @cached_property
    def trials(self) -> Records[Trial]:
        """Counts of trials."""
        from chalicelib.domain.trial import Trial

        return self._records(Trial)

    @cached_property
    def trial_calls(self) -> Records[TrialCall]:
        """Trials made."""
        from chalicelib.domain.trial import TrialCall

        return self._records(TrialCall)

    @cached_property
    def trial_runner(self) -> TrialRunner:
        """The serving image as a Lambda."""
        from chalicelib.adapters.trial_runner import LambdaTrialRunner

        return LambdaTrialRunner(self.settings.trial_function)

    @cached_property
    def service_tests(self) -> Records[ServiceTest]:
        """Tests of services."""
        from chalicelib.domain.service_test import ServiceTest

        return self._records(ServiceTest)

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
    def sweeps(self) -> Records[Sweep]:
        """When the sweep was last needed."""
        from chalicelib.domain.sweep import Sweep

        return self._records(Sweep)

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
