"""What callers see of a project's money."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.views import View


class CostlyView(View):
    """A task, service, batch job or evaluation; null: the price table does not know its instance type."""

    id: str
    spent_usd: float | None
    reserved_usd: float | None


class NoticeView(View):
    """How it stood when this share of the budget was passed."""

    share: float = Field(description="Of the budget, by what was spent and reserved: the budget's `notice_share`, or 1")
    at: str
    budget_usd: float
    spent_usd: float
    reserved_usd: float


class BudgetView(View):
    """Of this month (UTC)."""

    project: str
    month: str = Field(description="2026-11")
    budget_usd: float | None = Field(description="Of each month; null: there is none, and nothing is refused")
    set_at: str | None
    set_by: str | None
    spent_usd: float = Field(description="What ended or has run so far; ranges of instances count with their top")
    reserved_usd: float = Field(description="What runs could still cost at the most, also after the month's end")
    left_usd: float | None = Field(description="Below 0 after the budget was lowered")
    notice_share: float | None
    notices: list[NoticeView] = Field(description="Told once a month and share, when something is started or the budget is changed")
    costliest: list[CostlyView] = Field(description="At most 200, the costliest first")
    without_price: list[str] = Field(description="What costs something that the price table does not know: it is in no sum")
    prices_as_of: str
    prices_source: str
