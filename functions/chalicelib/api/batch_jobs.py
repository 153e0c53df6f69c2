"""`/v1/projects/{project}/batch-jobs` and `/v1/batch-jobs/{batch_job}`."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from chalicelib.api.batch_views import BatchJobPage, BatchJobView, ResultFilesView, ResultPage, ResultRowView
from chalicelib.api.calling import caller, require
from chalicelib.api.parameters import Cursor, Limit, RequestKey
from chalicelib.api.services import ModelVariant
from chalicelib.bootstrap import platform
from chalicelib.domain.batch_job import DEFAULT_RUNTIME_S, MAX_RUNTIME_S, MIN_RUNTIME_S, BatchJob, SummaryForm, batch_jobs_of
from chalicelib.service import batch_jobs, batch_results
from chalicelib.service.finding import find_batch_job, find_project
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]

OptionText = Annotated[str, Field(max_length=200)]
OptionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FailedOnly = Annotated[bool, Query(description="Only files without an answer")]


class NewBatchJob(Part):
    """A batch job to be, over a dataset of the project or over a prefix that begins with the project's name."""

    model: Annotated[str, Field(min_length=1, max_length=64)]
    dataset: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    prefix: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    name: Name | None = None
    options: Annotated[dict[OptionName, OptionText], Field(max_length=20, json_schema_extra={"additionalProperties": False})] = Field(
        default_factory=dict, description="Of each answer, as in a prediction's query: `top`, `pos`, ..."
    )
    variant: ModelVariant = "fp32"
    summary: SummaryForm = "csv"
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] | None = None
    instance_count: Annotated[int, Field(ge=1, le=20)] = 1
    max_runtime_s: Annotated[int, Field(ge=MIN_RUNTIME_S, le=MAX_RUNTIME_S)] = DEFAULT_RUNTIME_S
    objects_per_transform: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="A stop loses what the current transform job has done; default: by the number of objects"
    )


@router.post("/v1/projects/<project>/batch-jobs", status_code=202, summary="Apply a model to many objects", tags=["batch"])
def create_batch_job(project: str, batch_job: NewBatchJob, request_key: RequestKey = None) -> BatchJobView:
    """Nothing is copied: the objects are read where they lie. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, project)
    find_project(platform(), project)
    order = batch_jobs.BatchOrder(project=project, **batch_job.model_dump(), request_key=request_key, caller=caller().id)
    return BatchJobView.model_validate(batch_jobs.create_batch_job(platform(), order))


@router.get("/v1/projects/<project>/batch-jobs", summary="List a project's batch jobs", tags=["batch"])
def list_batch_jobs(project: str, limit: Limit = 100, cursor: Cursor = None) -> BatchJobPage:
    """Newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().batch_jobs.page(batch_jobs_of(project), limit, cursor, is_newest_first=True)
    return BatchJobPage(batch_jobs=[BatchJobView.model_validate(job) for job in page.items], next_cursor=page.cursor)


@router.get("/v1/batch-jobs/<batch_job>", summary="Get a batch job", tags=["batch"])
def get_batch_job(batch_job: str) -> BatchJobView:
    """Needs ListProject."""
    return BatchJobView.model_validate(_readable(batch_job))


@router.post("/v1/batch-jobs/<batch_job>/stop", status_code=202, summary="Stop a batch job", tags=["batch"])
def stop_batch_job(batch_job: str) -> BatchJobView:
    """What was answered is summarised. One that is over stays as it is. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_batch_job(platform(), batch_job).project)
    return BatchJobView.model_validate(batch_jobs.stop_batch_job(platform(), batch_job))


@router.post("/v1/batch-jobs/<batch_job>/restart", status_code=202, summary="Go on with a batch job", tags=["batch"])
def restart_batch_job(batch_job: str) -> BatchJobView:
    """Of a failed, stopped or timed-out one, what has no result yet. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_batch_job(platform(), batch_job).project)
    return BatchJobView.model_validate(batch_jobs.restart_batch_job(platform(), batch_job))


@router.get("/v1/batch-jobs/<batch_job>/results", summary="List what a batch job answered", tags=["batch"])
def list_results(batch_job: str, limit: Limit = 100, cursor: Cursor = None, failed: FailedOnly = False) -> ResultPage:
    """Once it is summarised. Needs ListProject."""
    job = _readable(batch_job)
    page = batch_results.result_page(platform(), job, limit, cursor, is_failed_only=failed)
    rows = [row.model_dump() | {"result_url": batch_results.link_of(platform(), job, row)} for row in page.items]
    return ResultPage(rows=[ResultRowView.model_validate(row) for row in rows], next_cursor=page.cursor)


@router.get("/v1/batch-jobs/<batch_job>/files", summary="Get links to a batch job's whole results", tags=["batch"])
def get_result_files(batch_job: str) -> ResultFilesView:
    """Once it is summarised. Needs ListProject."""
    return ResultFilesView.model_validate(batch_results.result_links(platform(), _readable(batch_job)))


def _readable(batch_job: str) -> BatchJob:
    found = find_batch_job(platform(), batch_job)
    require(Permission.LIST_PROJECT, found.project)
    return found
