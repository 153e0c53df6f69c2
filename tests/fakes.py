"""In-memory fakes of the control plane's ports. tests/contract/control_plane runs one suite on them and on the adapters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from urllib.parse import quote

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.budget import Admission, Budget
from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.dataset import Dataset
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.model import Model
from chalicelib.domain.preview_link import PreviewLink
from chalicelib.domain.project import Project
from chalicelib.domain.records import Page
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
from chalicelib.ports import StoredObject
from chalicelib.settings import Settings
from droplearn.contracts.errors import NotFound
from tests.fake_drops import FakeDroppedFiles, FakeExampleStore, FakeQuietTimer, FakeServiceImages
from tests.fake_jobs import FakeExecutions, FakeJobLogs, FakeTrainingJobs, FakeTransformJobs, FakeTrialRunner
from tests.fake_recall import FakeLines, FakeRecallTables
from tests.fake_serving import FakeAutoscaling, FakeEndpoints, FakeServiceMetrics, FakeSweepSchedule


class FakeRecords:
    """Port Records of one kind."""

    def __init__(self, record_type: Any) -> None:
        self.record_type = record_type
        self.known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self.known.get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        return {key: self.known[key] for key in keys if key in self.known}

    def add(self, record: Any) -> bool:
        return self.known.setdefault(record.key, record) is record

    def put(self, record: Any) -> None:
        self.known[record.key] = record

    def change(self, key: str, changes: Mapping[str, Any], only_if: Mapping[str, Collection[Any]] | None = None) -> Any:
        record = self.known.get(key)
        if record is None or any(getattr(record, name) not in values for name, values in (only_if or {}).items()):
            return None
        self.known[key] = replace(record, **changes)
        return self.known[key]

    def increment(self, key: str, field: str) -> int:
        if key not in self.known:
            raise NotFound(f"{self.record_type.KIND.lower()}.unknown", "There is none.")
        return getattr(self.change(key, {field: getattr(self.known[key], field) + 1}), field)

    def remove(self, key: str) -> None:
        self.known.pop(key, None)

    def page(self, listed_in: str, limit: int, cursor: str | None = None, *, is_newest_first: bool = False) -> Page[Any]:
        start = decode_cursor(cursor, {"listed_in", "listed_at"}, listed_in=listed_in)
        found = [r for r in self.known.values() if r.listing and r.listing[0] == listed_in]
        found.sort(key=lambda r: r.listing[1], reverse=is_newest_first)
        if start:
            after = start["listed_at"]
            found = [r for r in found if (r.listing[1] < after if is_newest_first else r.listing[1] > after)]
        place = dict(zip(("listed_in", "listed_at"), found[limit - 1].listing, strict=True)) if len(found) > limit else None
        return Page(found[:limit], encode_cursor(place))


class FakeArtifacts:
    """Port Artifacts."""

    def __init__(self, bucket: str = "artifacts") -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.changed_at: dict[str, str] = {}

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def read_range(self, key: str, first: int, count: int) -> bytes:
        if key not in self.objects:
            raise NotFound("artifact.unknown", key)
        return self.objects[key][first : first + count]

    def size(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    def write(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def copy(self, uri: str, key: str) -> None:
        source = uri.removeprefix(f"s3://{self.bucket}/")
        if source not in self.objects:
            raise NotFound("artifact.unknown", uri)
        self.objects[key] = self.objects[source]

    def upload(self, key: str, file: BinaryIO) -> None:
        self.objects[key] = file.read()

    def lines(self, key: str) -> Iterator[bytes]:
        if key not in self.objects:
            raise NotFound("artifact.unknown", key)
        return iter(self.objects[key].splitlines())

    def listed(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield StoredObject(key, len(self.objects[key]), self.changed_at.get(key, "2026-01-01T00:00:00.000Z"))

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


class FakeLinks:
    """Port Links."""

    def to_artifact(self, key: str, valid_for_s: int, file_name: str = "") -> str:
        return f"https://artifacts.example.com/{quote(key)}?expires={valid_for_s}&file={quote(file_name)}"

    def to_data(self, key: str, valid_for_s: int) -> str:
        return f"https://data.example.com/{quote(key)}?expires={valid_for_s}"


class FakeAnnouncer:
    """Port Announcer."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def announce(self, what: str, detail: Mapping[str, Any]) -> None:
        self.told.append((what, dict(detail)))


class FakePlatform:
    """Port Platform, with a clock that a test moves."""

    def __init__(self) -> None:
        self.projects = FakeRecords(Project)
        self.budgets = FakeRecords(Budget)
        self.admissions = FakeRecords(Admission)
        self.datasets = FakeRecords(Dataset)
        self.tasks = FakeRecords(Task)
        self.models = FakeRecords(Model)
        self.evaluations = FakeRecords(Evaluation)
        self.services = FakeRecords(Service)
        self.live_services = FakeRecords(LiveService)
        self.batch_jobs = FakeRecords(BatchJob)
        self.service_versions = FakeRecords(ServiceVersion)
        self.service_updates = FakeRecords(ServiceUpdate)
        self.service_events = FakeRecords(ServiceEvent)
        self.announcer = FakeAnnouncer()
        self.autoscaling = FakeAutoscaling()
        self.strategies = FakeRecords(Strategy)
        self.filters = FakeRecords(Filter)
        self.tokens = FakeRecords(Token)
        self.preview_links = FakeRecords(PreviewLink)
        self.requests = FakeRecords(Request)
        self.trials = FakeRecords(Trial)
        self.trial_calls = FakeRecords(TrialCall)
        self.trial_runner = FakeTrialRunner()
        self.examples = FakeExampleStore()
        self.artifacts = FakeArtifacts()
        self.links = FakeLinks()
        self.training_jobs = FakeTrainingJobs()
        self.transform_jobs = FakeTransformJobs()
        self.endpoints = FakeEndpoints()
        self.sweeps = FakeRecords(Sweep)
        self.sweep_schedule = FakeSweepSchedule()
        self.service_metrics = FakeServiceMetrics()
        self.executions = FakeExecutions()
        self.job_logs = FakeJobLogs()
        self.recall_tables = FakeRecallTables()
        self.dropped = FakeDroppedFiles()
        self.service_tests = FakeRecords(ServiceTest)
        self.settings = Settings({})
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)
        self.quiet_timer = FakeQuietTimer(self.now)
        self.lines = FakeLines(self.artifacts.objects)
        self.service_images = FakeServiceImages(self.dropped)

    @property
    def invoker(self) -> FakeEndpoints:
        return self.endpoints

    def endpoint_logs(self, service_id: str) -> FakeJobLogs:
        return self.job_logs

    def now(self) -> datetime:
        return self.moment

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
