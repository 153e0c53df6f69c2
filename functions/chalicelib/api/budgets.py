"""`/v1/projects/{project}/budget`."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from chalicelib.api.budget_views import BudgetView
from chalicelib.api.calling import caller, require
from chalicelib.bootstrap import platform
from chalicelib.domain.budget import MAX_USD, NOTICE_SHARE
from chalicelib.service import budgets
from droplearn.contracts.document import Part
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


class NewBudget(Part):
    """Of each calendar month (UTC). 0: nothing that costs is started."""

    usd: Annotated[float, Field(ge=0, le=MAX_USD, allow_inf_nan=False)]
    notice_share: Annotated[
        float, Field(ge=0.01, le=1, allow_inf_nan=False, description="A notice when so much is spent or reserved; another at all of it")
    ] = NOTICE_SHARE


@router.get("/v1/projects/<project>/budget", summary="What a project has spent this month, and may spend", tags=["projects"])
def get_budget(project: str) -> BudgetView:
    """Also of a project without a budget; by the price table. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    return BudgetView.model_validate(budgets.show_budget(platform(), project))


@router.put("/v1/projects/<project>/budget", summary="Set a project's budget", tags=["projects"])
def set_budget(project: str, budget: NewBudget) -> BudgetView:
    """From now on what would not fit at its worst is refused (402); what runs is not touched. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    budgets.set_budget(platform(), project, budget.usd, caller().id, budget.notice_share)
    return BudgetView.model_validate(budgets.show_budget(platform(), project))


@router.delete("/v1/projects/<project>/budget", status_code=204, summary="Remove a project's budget", tags=["projects"])
def remove_budget(project: str) -> Response[None]:
    """Nothing is refused any more. Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    budgets.remove_budget(platform(), project)
    return Response(status_code=204, body=None)
