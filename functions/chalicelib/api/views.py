"""What callers see: each view takes the fields of its name from a record."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.api.hosting import ScalingRange, Serverless
from droplearn.contracts.status import EvaluationStatus, ServiceKind, ServiceStatus, TaskStatus


class View(BaseModel):
    """Made by `View.model_validate(record)`."""

    model_config = ConfigDict(from_attributes=True)


class ErrorView(View):
    """What is wrong, and what to do about it."""

    code: str
    message: str
    hint: str = ""


class ProjectView(View):
    """A project."""

    name: str
    scenario: str
    description: str
    is_scenario_inferred: bool
    model_count: int
    created_at: str
    updated_at: str | None


class ProjectPage(View):
    """Projects by name."""

    projects: list[ProjectView]
    next_cursor: str | None = None


class DatasetView(View):
    """A dataset with its counts, exact as soon as its drops are indexed."""

    project: str
    name: str
    scenario: str
    description: str
    created_at: str
    object_count: int = Field(description="Labelled, unlabelled, annotating, tables and skipped")
    labelled_count: int
    label_counts: dict[str, int]
    unlabelled_count: int
    annotation_count: int = Field(0, description="Objects that annotate others, as VOC XML files do")
    table_count: int = Field(0, description="Objects that hold many examples, as CSV files do")
    skipped_counts: dict[str, int] = Field(description="By reason")
    size_bytes: int
    last_event_at: str | None
    config: dict[str, Any] | None = Field(description="droplearn.yaml, as taken over")
    config_problem: dict[str, Any] | None = Field(description="Why droplearn.yaml was not taken over")
    config_started_task: str | None = Field(description="The task that droplearn.yaml's `train:` section started last")
    config_start_problem: dict[str, Any] | None = Field(description="Why the `train:` section could not start a task")
    health: dict[str, Any] | None = Field(description="What the newest training found when it read the examples")


class DatasetPage(View):
    """Datasets by name."""

    datasets: list[DatasetView]
    next_cursor: str | None = None


class ExampleView(View):
    """One indexed object; `path` is below the dataset."""

    path: str
    status: str
    label: str | None
    reason: str | None
    size_bytes: int
    etag: str


class ExamplePage(View):
    """Examples by path."""

    examples: list[ExampleView]
    next_cursor: str | None = None


class TaskView(View):
    """A task."""

    id: str
    name: str | None
    project: str
    dataset: str
    scenario: str
    settings: dict[str, Any]
    status: TaskStatus
    attempt: int
    is_stop_requested: bool
    is_deployed_when_done: bool
    dataset_version: str | None
    warnings: list[str]
    training_job: str | None
    created_at: str
    updated_at: str
    queued_since: str | None
    training_started_at: str | None
    ended_at: str | None
    model: str | None
    evaluation: str | None
    service: str | None
    metrics: dict[str, float] | None = Field(description="Of the evaluation")
    health: dict[str, Any] | None
    error: ErrorView | None


class TaskPage(View):
    """Tasks, newest first."""

    tasks: list[TaskView]
    next_cursor: str | None = None


class MetricView(View):
    """One epoch or stage; the metrics themselves (`valid_top1_accuracy`, ...) stand beside these fields."""

    model_config = ConfigDict(extra="allow")

    job: str
    stage: str
    epoch: int
    epochs: int
    elapsed_s: float


class ProgressView(View):
    """Where a long stage stands."""

    stage: str
    done: int
    total: int
    message: str = ""


class MetricsView(View):
    """All metrics of a task so far, oldest first, and the latest progress."""

    metrics: list[MetricView]
    progress: ProgressView | None


class LogLineView(View):
    """A line."""

    at: str
    job: str
    node: str
    message: str


class LogPage(View):
    """Lines, oldest first, job by job."""

    lines: list[LogLineView]
    next_cursor: str | None = None


class ModelView(View):
    """A model."""

    id: str
    project: str
    number: int
    task: str
    scenario: str
    dataset: str
    dataset_version: str
    preset: str
    labels: list[str]
    stop_reason: str
    metrics: dict[str, float] = Field(description="Of the newest evaluation that its task asked for; empty before")
    metrics_protocol: str | None = Field(description="On what `metrics` were measured")
    evaluation: str | None
    training_metrics: dict[str, float] = Field(description="As the trainer measured them")
    training_metrics_protocol: str
    candidates: list[dict[str, Any]]
    warnings: list[str]
    base_model: dict[str, Any] | None
    optimisation: dict[str, Any] | None = Field(description="Its variants (`int8`, `fp16`): what was measured, and which can be deployed")
    code_version: str
    size_bytes: int
    training_seconds: float
    artifact_uri: str
    created_at: str


class ExportView(View):
    """Where an exported model is fetched from."""

    form: str
    file_name: str
    size_bytes: int
    url: str = Field(description="Presigned: a GET without a token")
    valid_for_s: int


class ModelPage(View):
    """Models, newest first."""

    models: list[ModelView]
    next_cursor: str | None = None


class EvaluationView(View):
    """An evaluation; what it measured is there once it has SUCCEEDED."""

    id: str
    project: str
    model: str
    task: str | None
    dataset_project: str | None
    dataset: str | None
    dataset_version: str | None
    status: EvaluationStatus
    protocol: str | None
    example_count: int | None
    bad_case_count: int | None
    skipped_count: int | None = Field(description="Examples that could not be scored; the warnings say why")
    duration_s: float | None
    model_size_bytes: int | None = Field(description="Of the files that a server loads")
    metrics: dict[str, float]
    warnings: list[str]
    created_at: str
    updated_at: str
    ended_at: str | None
    error: ErrorView | None


class EvaluationPage(View):
    """Evaluations, newest first."""

    evaluations: list[EvaluationView]
    next_cursor: str | None = None


class ServiceView(View):
    """A service."""

    id: str
    name: str | None
    project: str
    model: str
    scenario: str
    kind: ServiceKind
    status: ServiceStatus
    url: str
    weights: dict[str, float] = Field(description="Of its versions: the share of the traffic of each")
    updating: str | None = Field(description="The update that is under way")
    instance_type: str | None = Field(description="None: serverless")
    instance_count: int = Field(description="At the beginning, when it is autoscaled")
    autoscaling: ScalingRange | None
    serverless: Serverless | None
    network: str = Field(description="`public`, or `vpc`: its servers are in the stack's VPC")
    variant: str = Field(description="Of the model: `fp32` as trained, `int8`, `fp16`")
    placement: str = Field(description="Of its versions: `dedicated`, each on instances of its own; `shared`, all on the same")
    max_runtime_s: int
    created_at: str
    updated_at: str
    running_since: str | None
    stops_at: str | None = Field(description="The deadline, once it runs or was set")
    idle_timeout_s: int | None = Field(description="It stops when nobody has used it for so long")
    last_used_at: str | None = Field(description="Within half a minute, or a tenth of the idle time")
    stop_reason: str | None = Field(description="`requested`, `deadline` or `idle`")
    ended_at: str | None
    error: ErrorView | None


class NewServiceView(ServiceView):
    """With its token, which is shown this once."""

    token: str | None = Field(description="Absent (null) when the same request came before")


class ServicePage(View):
    """Services, newest first."""

    services: list[ServiceView]
    next_cursor: str | None = None


class TokenView(View):
    """A token without its secret."""

    id: str
    description: str
    permissions: list[str]
    projects: list[str]
    service: str | None
    created_at: str
    valid_until: str | None
    revoked_at: str | None


class NewTokenView(TokenView):
    """With the secret, which is shown this once."""

    token: str


class TokenPage(View):
    """Tokens, newest first."""

    tokens: list[TokenView]
    next_cursor: str | None = None
