"""What the use cases need from the outside. adapters/ has it on AWS, tests/fakes.py in memory; one contract suite runs on both.

A port raises DropLearnErrors only: TransientError to be tried again, InternalError for what no caller can mend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

from chalicelib.domain.records import Page, R

if TYPE_CHECKING:  # a cold start of predict loads none of these
    from chalicelib.domain.batch_job import BatchJob
    from chalicelib.domain.dataset import Dataset, DatasetCounts
    from chalicelib.domain.evaluation import Evaluation
    from chalicelib.domain.example import Example, Replacement, Tally
    from chalicelib.domain.model import Model
    from chalicelib.domain.preview_link import PreviewLink
    from chalicelib.domain.project import Project
    from chalicelib.domain.request import Request
    from chalicelib.domain.service import LiveService, Service
    from chalicelib.domain.service_version import ServiceUpdate, ServiceVersion, Traffic, TrafficPoint
    from chalicelib.domain.strategy import Filter, Strategy
    from chalicelib.domain.task import Task
    from chalicelib.domain.token import Token
    from chalicelib.domain.trial import Trial, TrialCall


class Records(Protocol[R]):
    """The kept records of one kind."""

    def get(self, key: str) -> R | None:
        """Strongly consistent."""

    def add(self, record: R) -> bool:
        """False, and nothing written, when there is one with this key."""

    def put(self, record: R) -> None:
        """Writes over what was there."""

    def change(self, key: str, changes: Mapping[str, Any], only_if: Mapping[str, Collection[Any]] | None = None) -> R | None:
        """Sets fields (None: removes). None, and nothing written, unless the record is there and each field in `only_if` has one of its
        values (None: it is not set).
        """

    def increment(self, key: str, field: str) -> int:
        """Adds one to a number; returns it. The record must be there: NotFound."""

    def remove(self, key: str) -> None:
        """Nothing happens when it is not there."""

    def page(self, listed_in: str, limit: int, cursor: str | None = None, *, is_newest_first: bool = False) -> Page[R]:
        """A listing, eventually consistent. Raises InvalidRequest (`cursor.invalid`)."""


class ExampleStore(Protocol):
    """The examples of all datasets and their counters."""

    @property
    def data_bucket(self) -> str:
        """Where the examples lie."""

    def counts(self, project: str, dataset: str) -> DatasetCounts:
        """The sum of the counter shards: a read of a fixed size."""

    def read(self, project: str, dataset: str, paths: Sequence[str]) -> dict[str, Example]:
        """By path, tombstones included; those that are not there are left out. At most 100 paths; strongly consistent."""

    def write(self, project: str, dataset: str, changes: Sequence[Replacement], tally: Tally, now: datetime) -> None:
        """At most 99 examples and their sum, all or nothing. Raises WriteConflict when one is not `old` any more: read again."""

    def read_all(self, project: str, dataset: str) -> Iterator[Example]:
        """Without tombstones, sorted by path, consistent."""

    def page(self, project: str, dataset: str, status: str | None, label: str | None, limit: int, cursor: str | None) -> Page[Example]:
        """By path. Raises InvalidRequest (`cursor.invalid`)."""


class WriteConflict(Exception):
    """Somebody else wrote first. Never leaves the service that writes."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`changed_at`: ISO 8601 in UTC."""

    key: str
    size_bytes: int
    changed_at: str


class DroppedFiles(Protocol):
    """The data bucket, as far as it is read at all."""

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below it, by key."""

    def read_config(self, project: str, dataset: str) -> bytes | None:
        """The droplearn.yaml at the dataset's root, at most one byte more than MAX_CONFIG_BYTES of it; None: there is none."""


class DropQueue(Protocol):
    """Where drop messages come from."""

    def hand_back(self, receipts: Sequence[str]) -> None:
        """Makes messages visible again at once."""


@dataclass(frozen=True)
class QuietMessage:
    """Has this dataset been quiet long enough? Counts only while the dataset remembers `token`."""

    project: str
    dataset: str
    token: str


class QuietTimer(Protocol):
    """Delayed messages to ourselves."""

    def send(self, message: QuietMessage, delay_s: int) -> None:
        """Arrives after `delay_s` (0 to 900) seconds or later, at least once."""


@dataclass(frozen=True)
class TrainingJob:
    """What matters of DescribeTrainingJob. `status`: InProgress, Completed, Failed, Stopping, Stopped."""

    name: str
    status: str
    secondary_status: str = ""
    failure_reason: str = ""
    model_artifacts: str | None = None


StopAnswer = Literal["stopping", "over", "unknown"]


@dataclass(frozen=True)
class TransformJob:
    """What matters of DescribeTransformJob. `status` as a training job's."""

    name: str
    status: str
    failure_reason: str = ""


class TrainingJobs(Protocol):
    """SageMaker training jobs."""

    def describe(self, name: str) -> TrainingJob | None:
        """None: there is no such job."""

    def stop(self, name: str) -> StopAnswer:
        """What became of the wish."""


class TransformJobs(Protocol):
    """SageMaker transform jobs."""

    def describe(self, name: str) -> TransformJob | None:
        """None: there is no such job."""

    def stop(self, name: str) -> StopAnswer:
        """What became of the wish."""


@dataclass(frozen=True)
class EndpointState:
    """`status`: Creating, InService, Failed, Deleting, ... `config`: its configuration, `weights` and `instances`: of its variants."""

    status: str
    failure_reason: str = ""
    config: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An endpoint's answer, or its container's error."""

    http_status: int
    body: bytes
    content_type: str
    attributes: str = ""
    """What the container says beside the body: `version=v2`."""


class Endpoints(Protocol):
    """SageMaker endpoints, named as their services; names of configurations and models: domain/service_version.py."""

    def state(self, service_id: str) -> EndpointState | None:
        """None: there is no such endpoint."""

    def names(self) -> list[str]:
        """Of all endpoints that are named as services are."""

    def remove(self, service_id: str, versions: int = 1, configs: int = 0) -> None:
        """The endpoint, and all its configurations and models; what is not there is fine. Raises TransientError while it cannot be
        removed yet.
        """


class ServiceMetrics(Protocol):
    """What the platform counts of an endpoint's invocations, some minutes late."""

    def last_use(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> datetime | None:
        """None: nobody asked."""

    def traffic(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """All in all, for each of the variants."""

    def shared_traffic(self, service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """The same for versions that share a server, as the servers count it."""

    def series(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Periods with an invocation, oldest first."""


class Invoker(Protocol):
    """The way to a running endpoint."""

    def invoke(self, service_id: str, body: bytes, content_type: str, options: str = "") -> Answer:
        """`options`: a query, `top=3&pos=pixels`, of visible ASCII. Raises CapacityUnavailable (`service.not_running`)."""


@dataclass(frozen=True)
class TrialQuestion:
    """`archive_key` names the model's archive, `archive_url` is a link to it. `query`: the options."""

    archive_key: str
    archive_url: str
    body: bytes
    content_type: str
    query: str = ""


@dataclass(frozen=True)
class TrialAnswer:
    """In the prediction form, also where it is an error."""

    http_status: int
    body: bytes
    load_s: float = 0.0
    answer_s: float = 0.0


class TrialRunner(Protocol):
    """The serving image as a Lambda."""

    def answer(self, question: TrialQuestion) -> TrialAnswer:
        """Raises InvalidRequest (`model.unusable`, `model.too_large`, ...), TransientError (`trial.failed`, `trial.too_slow`)."""


class Executions(Protocol):
    """Executions of the state machines."""

    def start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        """`machine`: learn, evaluate, deploy, update or batch. The same name again changes nothing. Returns the ARN."""

    def stop(self, arn: str, cause: str) -> None:
        """Nothing happens when it is over."""

    def is_running(self, arn: str) -> bool:
        """False also when it is forgotten."""

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        """Ends the state that waits for the token; False: nothing waits for it any more."""

    def fail(self, token: str, error: str, cause: str) -> bool:
        """The same, with an error."""


class Artifacts(Protocol):
    """Objects of the artifact bucket."""

    def read(self, key: str) -> bytes | None:
        """None: there is no such object."""

    def read_range(self, key: str, first: int, count: int) -> bytes:
        """Fewer bytes where the object ends. Raises NotFound (`artifact.unknown`)."""

    def size(self, key: str) -> int | None:
        """In bytes; None: there is no such object."""

    def write(self, key: str, body: bytes) -> None:
        """Writes over what was there."""

    def copy(self, uri: str, key: str) -> None:
        """An object of a bucket to this one, without reading it here. Raises NotFound (`artifact.unknown`)."""

    def upload(self, key: str, file: BinaryIO) -> None:
        """From where the file stands to its end, in parts."""

    def lines(self, key: str) -> Iterator[bytes]:
        """Line by line, as it comes. Raises NotFound (`artifact.unknown`)."""

    def listed(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Every object below it, by key; only those behind the key `after`."""

    def uri(self, key: str) -> str:
        """`s3://<artifact bucket>/<key>`."""


class Links(Protocol):
    """URLs that let anybody read one object for a while. Made without a call: whether the object is there is not looked at."""

    def to_artifact(self, key: str, valid_for_s: int, file_name: str = "") -> str:
        """`file_name`: what a browser that downloads it calls it."""

    def to_data(self, key: str, valid_for_s: int) -> str:
        """An object of the data bucket."""


class Lines(Protocol):
    """Objects of both buckets, line by line from any place on."""

    def read(self, bucket: str, key: str, start: int) -> Iterator[tuple[bytes, int]]:
        """(line with its end, where the next one begins), from byte `start`. `bucket`: artifacts or data. Raises NotFound
        (`table.unknown`).
        """


class RecallTables(Protocol):
    """Rows that services of tables answer from. A row expires by itself."""

    def write(self, service_id: str, table: str, rows: Sequence[tuple[str, str]], expires_at: int) -> None:
        """(key, value), over what was there. `expires_at`: seconds since 1970. Raises Throttled."""

    def read(self, service_id: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """By (table, key); those that are not there are left out. Raises Throttled."""

    def remove(self, service_id: str, table: str, key: str) -> None:
        """Nothing happens when it is not there."""


@dataclass(frozen=True)
class LogLine:
    """`at`: ISO 8601. `node`: `algo-1` is the first instance of a job."""

    at: str
    job: str
    node: str
    message: str


JobKind = Literal["training", "processing"]


class JobLogs(Protocol):
    """Logs of training jobs, or of processing jobs."""

    def page(
        self,
        jobs: list[str],
        limit: int,
        cursor: str | None,
        *,
        only_first_node: bool = False,
        contains: str = "",
        kind: JobKind = "training",
    ) -> Page[LogLine]:
        """Oldest first, job by job. `contains`: only lines with this text. Raises InvalidRequest (`cursor.invalid`)."""


class Platform(Protocol):
    """All ports together; each is made when it is first asked for."""

    @property
    def projects(self) -> Records[Project]: ...  # noqa: D102
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
    def job_logs(self) -> JobLogs: ...  # noqa: D102

    def endpoint_logs(self, service_id: str) -> JobLogs:
        """Of an endpoint: its versions are the jobs."""

    def now(self) -> datetime:
        """UTC."""
