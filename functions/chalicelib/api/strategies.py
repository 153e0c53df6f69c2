"""`/v1/projects/{project}/strategies`: where a recommendation project's recommendations come from."""

from __future__ import annotations

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Response, Router
from pydantic import Field

from chalicelib.api.calling import require
from chalicelib.api.parameters import Cursor, FewRows, Limit
from chalicelib.api.recall_views import StrategyPage, StrategyView, TableFileView, TablePreview
from chalicelib.bootstrap import platform
from chalicelib.domain.strategy import NAME_PATTERN, Strategy, StrategyKind, strategies_of
from chalicelib.domain.times import text_of
from chalicelib.service import previews, strategies
from chalicelib.service.finding import find_project
from droplearn.contracts.document import Part
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]

StrategyName = Annotated[str, Field(pattern=NAME_PATTERN)]
RecallCount = Annotated[int, Field(ge=1, le=1000, description="At most so many; the real number where there are fewer")]
Weight = Annotated[float, Field(gt=0, le=1000, description="Of its scores beside other strategies'")]
Tables = Annotated[dict[str, TableFileView], Field(description="Own tables instead of the model's, by name: user_item, item_item, ...")]


class NewStrategy(Part):
    """A strategy to be. `is_fallback`: asked only where the others give too few."""

    name: StrategyName
    kind: StrategyKind
    recall_count: RecallCount = 100
    weight: Weight = 1.0
    is_fallback: bool = False
    tables: Tables = Field(default_factory=dict)


class StrategyChanges(Part):
    """What may be changed; what is left out stays."""

    recall_count: RecallCount | None = None
    weight: Weight | None = None
    is_fallback: bool | None = None
    tables: Tables | None = None


@router.post("/v1/projects/<project>/strategies", status_code=201, summary="Create a strategy", tags=["recommendation"])
def create_strategy(project: str, strategy: NewStrategy) -> StrategyView:
    """Services that run do not change: deploy again. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    made = Strategy(project=project, created_at=text_of(platform().now()), **strategy.model_dump())
    return StrategyView.model_validate(strategies.create_strategy(platform(), made))


@router.get("/v1/projects/<project>/strategies", summary="List a project's strategies", tags=["recommendation"])
def list_strategies(project: str, limit: Limit = 100, cursor: Cursor = None) -> StrategyPage:
    """By name. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().strategies.page(strategies_of(project), limit, cursor)
    return StrategyPage(strategies=[StrategyView.model_validate(s) for s in page.items], next_cursor=page.cursor)


@router.get("/v1/projects/<project>/strategies/<strategy>", summary="Get a strategy", tags=["recommendation"])
def get_strategy(project: str, strategy: str) -> StrategyView:
    """Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    return StrategyView.model_validate(strategies.find_strategy(platform(), project, strategy))


@router.patch("/v1/projects/<project>/strategies/<strategy>", summary="Change a strategy", tags=["recommendation"])
def change_strategy(project: str, strategy: str, changes: StrategyChanges) -> StrategyView:
    """Services that run do not change: deploy again. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    given: dict[str, Any] = changes.model_dump(exclude_none=True)
    return StrategyView.model_validate(strategies.change_strategy(platform(), project, strategy, given))


@router.delete("/v1/projects/<project>/strategies/<strategy>", status_code=204, summary="Remove a strategy", tags=["recommendation"])
def remove_strategy(project: str, strategy: str) -> Response[None]:
    """Its tables' files stay. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    platform().strategies.remove(strategies.find_strategy(platform(), project, strategy).key)
    return Response(status_code=204, body=None)


@router.get(
    "/v1/projects/<project>/strategies/<strategy>/tables/<table>", summary="Preview a strategy's own table", tags=["recommendation"]
)
def preview_strategy_table(project: str, strategy: str, table: str, limit: FewRows = 10, cursor: Cursor = None) -> TablePreview:
    """Its first rows. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    page = previews.preview_of_strategy(platform(), project, strategy, table, limit, cursor)
    return TablePreview(rows=page.items, next_cursor=page.cursor)
