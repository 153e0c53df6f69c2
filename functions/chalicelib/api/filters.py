"""`/v1/projects/{project}/filters`: what a recommendation project never recommends."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Response, Router
from pydantic import Field

from chalicelib.api.calling import require
from chalicelib.api.parameters import Cursor, FewRows, Limit
from chalicelib.api.recall_views import FilterPage, FilterView, TableFileView, TablePreview
from chalicelib.bootstrap import platform
from chalicelib.domain.strategy import NAME_PATTERN, Filter, FilterKind, filters_of
from chalicelib.domain.times import text_of
from chalicelib.service import previews, strategies
from chalicelib.service.finding import find_project
from droplearn.contracts.document import Part
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


class NewFilter(Part):
    """A filter to be. `user_item`: these items not to these users; `item`: to nobody."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    kind: FilterKind
    table: TableFileView


class FilterChanges(Part):
    """What may be changed."""

    table: TableFileView


@router.post("/v1/projects/<project>/filters", status_code=201, summary="Create a filter", tags=["recommendation"])
def create_filter(project: str, filter: NewFilter) -> FilterView:
    """Services that run do not change: deploy again. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    made = Filter(project=project, created_at=text_of(platform().now()), **filter.model_dump())
    return FilterView.model_validate(strategies.create_filter(platform(), made))


@router.get("/v1/projects/<project>/filters", summary="List a project's filters", tags=["recommendation"])
def list_filters(project: str, limit: Limit = 100, cursor: Cursor = None) -> FilterPage:
    """By name. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().filters.page(filters_of(project), limit, cursor)
    return FilterPage(filters=[FilterView.model_validate(f) for f in page.items], next_cursor=page.cursor)


@router.get("/v1/projects/<project>/filters/<name>", summary="Get a filter", tags=["recommendation"])
def get_filter(project: str, name: str) -> FilterView:
    """Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    return FilterView.model_validate(strategies.find_filter(platform(), project, name))


@router.patch("/v1/projects/<project>/filters/<name>", summary="Change a filter", tags=["recommendation"])
def change_filter(project: str, name: str, changes: FilterChanges) -> FilterView:
    """Services that run do not change: deploy again. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    return FilterView.model_validate(strategies.change_filter(platform(), project, name, changes.table.model_dump()))


@router.delete("/v1/projects/<project>/filters/<name>", status_code=204, summary="Remove a filter", tags=["recommendation"])
def remove_filter(project: str, name: str) -> Response[None]:
    """Its table's file stays. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    platform().filters.remove(strategies.find_filter(platform(), project, name).key)
    return Response(status_code=204, body=None)


@router.get("/v1/projects/<project>/filters/<name>/table", summary="Preview a filter's table", tags=["recommendation"])
def preview_filter_table(project: str, name: str, limit: FewRows = 10, cursor: Cursor = None) -> TablePreview:
    """Its first rows. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    page = previews.preview_of_filter(platform(), project, name, limit, cursor)
    return TablePreview(rows=page.items, next_cursor=page.cursor)
