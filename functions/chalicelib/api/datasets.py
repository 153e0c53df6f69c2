"""`/v1/projects/{project}/datasets`."""

from __future__ import annotations

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from chalicelib.api.calling import require
from chalicelib.api.dataset_views import DatasetPage, DatasetView, ExamplePage, ExampleView
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.bootstrap import platform
from chalicelib.domain.dataset import Dataset, datasets_of
from chalicelib.service import catalogue
from chalicelib.service.finding import find_dataset, find_project
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


class NewDataset(Part):
    """A dataset to be."""

    name: Name
    description: Annotated[str, Field(max_length=200)] = ""


def _view(dataset: Dataset, scenario: str) -> DatasetView:
    """Counting is a read of a fixed size, however large the dataset."""
    counts = platform().examples.counts(dataset.project, dataset.name)
    return DatasetView(
        project=dataset.project,
        name=dataset.name,
        scenario=scenario,
        description=dataset.description,
        created_at=dataset.created_at,
        object_count=counts.objects,
        labelled_count=counts.labelled,
        label_counts=counts.labels,
        unlabelled_count=counts.unlabelled,
        annotation_count=counts.annotations,
        table_count=counts.tables,
        skipped_counts=counts.skipped,
        size_bytes=counts.size_bytes,
        last_event_at=counts.last_event_at,
        config=dataset.config,
        config_problem=dataset.config_problem,
        config_started_task=dataset.config_started_task,
        config_start_problem=dataset.config_start_problem,
        health=dataset.health,
    )


@router.post("/v1/projects/<project>/datasets", status_code=201, summary="Create a dataset", tags=["datasets"])
def create_dataset(project: str, dataset: NewDataset) -> DatasetView:
    """A first drop below a new name creates a dataset as well. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    made = catalogue.create_dataset(platform(), project, dataset.name, dataset.description)
    return _view(made, find_project(platform(), project).scenario)


@router.get("/v1/projects/<project>/datasets", summary="List a project's datasets", tags=["datasets"])
def list_datasets(project: str, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: Cursor = None) -> DatasetPage:
    """Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    scenario = find_project(platform(), project).scenario
    page = platform().datasets.page(datasets_of(project), limit, cursor)
    return DatasetPage(datasets=[_view(d, scenario) for d in page.items], next_cursor=page.cursor)


@router.get("/v1/projects/<project>/datasets/<dataset>", summary="Get a dataset", tags=["datasets"])
def get_dataset(project: str, dataset: str) -> DatasetView:
    """With its counts. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    scenario = find_project(platform(), project).scenario
    return _view(find_dataset(platform(), project, dataset), scenario)


@router.get("/v1/projects/<project>/datasets/<dataset>/examples", summary="List a dataset's examples", tags=["datasets"])
def list_examples(
    project: str,
    dataset: str,
    status: Literal["labelled", "unlabelled", "annotation", "skipped"] = "labelled",
    label: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ExamplePage:
    """By path; `label` narrows labelled ones. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_dataset(platform(), project, dataset)
    page = platform().examples.page(project, dataset, status, label, limit, cursor)
    return ExamplePage(examples=[ExampleView.model_validate(e) for e in page.items], next_cursor=page.cursor)
