"""All ports together."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.ports.announcements import Announcer
from chalicelib.ports.drops import DroppedFiles, DropQueue, QuietTimer
from chalicelib.ports.endpoints import Autoscaling, Endpoints, Invoker, ServiceMetrics
from chalicelib.ports.examples import ExampleStore
from chalicelib.ports.executions import Executions
from chalicelib.ports.job_logs import JobLogs
from chalicelib.ports.jobs import TrainingJobs, TransformJobs
from chalicelib.ports.objects import Artifacts, Lines, Links, ServiceImages
from chalicelib.ports.recall_tables import RecallTables
from chalicelib.ports.records import Records
from chalicelib.ports.sweeps import SweepSchedule
from chalicelib.ports.trials import TrialRunner

if TYPE_CHECKING:  # a cold start of predict loads none of these
    from chalicelib.domain.batch_job import BatchJob
    from chalicelib.domain.budget import Admission, Budget
    from chalicelib.domain.dataset import Dataset
    from chalicelib.domain.evaluation import Evaluation
    from chalicelib.domain.model import Model
    from chalicelib.domain.preview_link import PreviewLink
    from chalicelib.domain.project import Project
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
    from chalicelib.settings import Settings


class Platform(Protocol):
    """All ports together; each is made when it is first asked for."""

    @property
    def projects(self) -> Records[Project]: ...  # noqa: D102
    @property
    def budgets(self) -> Records[Budget]: ...  # noqa: D102
    @property
    def admissions(self) -> Records[Admission]: ...  # noqa: D102
    @property
    def datasets(self) -> Records[Dataset]: ...  # noqa: D102
    @property
    def tasks(self) -> Records[Task]: ...  # noqa: D102
    @property
    def models(self) -> Records[Model]: ...  # noqa: D102
    @property
    def evaluations(self) -> Records[Evaluation]: ...  # noqa: D102
    @property
    def services(self) -> Records[Service]: ...  # noqa: D102
    @property
    def live_services(self) -> Records[LiveService]: ...  # noqa: D102
    @property
    def batch_jobs(self) -> Records[BatchJob]: ...  # noqa: D102
    @property
    def service_versions(self) -> Records[ServiceVersion]: ...  # noqa: D102
    @property
    def service_updates(self) -> Records[ServiceUpdate]: ...  # noqa: D102
    @property
    def service_events(self) -> Records[ServiceEvent]: ...  # noqa: D102
    @property
    def announcer(self) -> Announcer: ...  # noqa: D102
    @property
    def autoscaling(self) -> Autoscaling: ...  # noqa: D102
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def strategies(self) -> Records[Strategy]: ...  # noqa: D102
    @property
    def filters(self) -> Records[Filter]: ...  # noqa: D102
    @property
    def tokens(self) -> Records[Token]: ...  # noqa: D102
    @property
    def preview_links(self) -> Records[PreviewLink]: ...  # noqa: D102
    @property
    def requests(self) -> Records[Request]: ...  # noqa: D102
    @property
    def trials(self) -> Records[Trial]: ...  # noqa: D102
    @property
    def trial_calls(self) -> Records[TrialCall]: ...  # noqa: D102
    @property
    def trial_runner(self) -> TrialRunner: ...  # noqa: D102
    @property
    def examples(self) -> ExampleStore: ...  # noqa: D102
    @property
    def training_jobs(self) -> TrainingJobs: ...  # noqa: D102
    @property
    def transform_jobs(self) -> TransformJobs: ...  # noqa: D102
    @property
    def endpoints(self) -> Endpoints: ...  # noqa: D102
    @property
    def sweeps(self) -> Records[Sweep]: ...  # noqa: D102
    @property
    def sweep_schedule(self) -> SweepSchedule: ...  # noqa: D102
    @property
    def service_metrics(self) -> ServiceMetrics: ...  # noqa: D102
    @property
    def dropped(self) -> DroppedFiles: ...  # noqa: D102
    @property
    def drop_queue(self) -> DropQueue: ...  # noqa: D102
    @property
    def quiet_timer(self) -> QuietTimer: ...  # noqa: D102
    @property
    def invoker(self) -> Invoker: ...  # noqa: D102
    @property
    def executions(self) -> Executions: ...  # noqa: D102
    @property
    def artifacts(self) -> Artifacts: ...  # noqa: D102
    @property
    def lines(self) -> Lines: ...  # noqa: D102
    @property
    def links(self) -> Links: ...  # noqa: D102
    @property
    def recall_tables(self) -> RecallTables: ...  # noqa: D102
    @property
    def service_tests(self) -> Records[ServiceTest]: ...  # noqa: D102
    @property
    def service_images(self) -> ServiceImages: ...  # noqa: D102
    @property
    def job_logs(self) -> JobLogs: ...  # noqa: D102

    def endpoint_logs(self, service_id: str) -> JobLogs:
        """Of an endpoint: its versions are the jobs."""

    def now(self) -> datetime:
        """UTC."""
