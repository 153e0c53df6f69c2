"""What callers see of models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.views import View


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
    optimisation: dict[str, Any] | None = Field(
        description="Its variants (`int8`, `fp16`): size, latency, memory and metric of each beside the model, and which can be deployed"
    )
    code_version: str
    size_bytes: int
    training_seconds: float
    artifact_uri: str
    created_at: str
    deleting_since: str | None = Field(description="It is being deleted: nothing can be started with it any more")


class ModelPage(View):
    """Models, newest first."""

    models: list[ModelView]
    next_cursor: str | None = None


class ExportView(View):
    """Where an exported model is fetched from."""

    form: str
    file_name: str
    size_bytes: int
    url: str = Field(description="Presigned: a GET without a token")
    valid_for_s: int
