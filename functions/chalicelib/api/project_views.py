"""What callers see of projects."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.views import View


class ProjectView(View):
    """A project."""

    name: str
    scenario: str
    description: str
    is_scenario_inferred: bool
    model_count: int
    created_at: str
    updated_at: str | None
    budget_usd: float | None = Field(default=None, description="Of each month; what is used of it: the budget itself. Null: there is none")
    deleting_since: str | None = Field(description="It is being deleted: nothing begins in it any more")
    deletion_problem: str | None = Field(description="Why the last deletion was given up: something began at the same moment")


class ProjectPage(View):
    """Projects by name."""

    projects: list[ProjectView]
    next_cursor: str | None = None
