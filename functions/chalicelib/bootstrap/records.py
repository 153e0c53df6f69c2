"""All kinds of records, each on the table. Made when they are first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.domain.batch_job import BatchJob
    from chalicelib.domain.budget import Admission, Budget
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
    from chalicelib.ports import Records


class TableOfRecords:
    """The part of the port Platform that is records."""

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
    def budgets(self) -> Records[Budget]:
        """Budgets of projects."""
        from chalicelib.domain.budget import Budget

        return self._records(Budget)

    @cached_property
    def admissions(self) -> Records[Admission]:
        """What budgets have let in, where no other list shows it."""
        from chalicelib.domain.budget import Admission

        return self._records(Admission)

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
    def service_tests(self) -> Records[ServiceTest]:
        """Tests of services."""
        from chalicelib.domain.service_test import ServiceTest

        return self._records(ServiceTest)

    @cached_property
    def sweeps(self) -> Records[Sweep]:
        """When the sweep was last needed."""
        from chalicelib.domain.sweep import Sweep

        return self._records(Sweep)
