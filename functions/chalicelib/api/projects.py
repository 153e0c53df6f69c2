"""`/v1/projects`."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from chalicelib.api.calling import caller, require
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.project_views import ProjectPage, ProjectView
from chalicelib.bootstrap import platform
from chalicelib.domain.project import Project
from chalicelib.service import catalogue, deleting_projects
from chalicelib.service.finding import find_project
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission
from droplearn.scenarios import SCENARIOS

router: Router = Router()  # type: ignore[no-untyped-call]

Confirmation = Annotated[str, Query(max_length=100, description="The project's name once more")]
Description = Annotated[str, Field(max_length=200)]


class NewProject(Part):
    """A project to be."""

    name: Name
    scenario: Annotated[str, Field(json_schema_extra={"enum": list(SCENARIOS)})]
    description: Description = ""


class ProjectChanges(Part):
    """What may be changed."""

    description: Description


@router.post("/v1/projects", status_code=201, summary="Create a project", tags=["projects"])
def create_project(project: NewProject) -> ProjectView:
    """A first drop below a new name creates a project as well. Needs CreateProject."""
    require(Permission.CREATE_PROJECT, project.name)
    return ProjectView.model_validate(catalogue.create_project(platform(), project.name, project.scenario, project.description))


@router.get("/v1/projects", summary="List the projects", tags=["projects"])
def list_projects(limit: Limit = 100, cursor: Cursor = None) -> ProjectPage:
    """Those that the token reaches; a page may be shorter than `limit`. Needs ListProject."""
    require(Permission.LIST_PROJECT, None)
    page = platform().projects.page(Project.LISTED_IN, limit, cursor)
    return ProjectPage(projects=_views([p for p in page.items if caller().reaches(p.name)]), next_cursor=page.cursor)


@router.get("/v1/projects/<project>", summary="Get a project", tags=["projects"])
def get_project(project: str) -> ProjectView:
    """Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    return _views([find_project(platform(), project)])[0]


@router.patch("/v1/projects/<project>", summary="Change a project", tags=["projects"])
def change_project(project: str, changes: ProjectChanges) -> ProjectView:
    """Needs EditProject."""
    require(Permission.EDIT_PROJECT, project)
    return _views([catalogue.describe_project(platform(), project, changes.description)])[0]


@router.delete("/v1/projects/<project>", status_code=202, summary="Delete a project", tags=["projects"])
def delete_project(project: str, confirm: Confirmation = "") -> ProjectView:
    """All that droplearn keeps of it, some minutes after the answer; what was dropped stays in the data bucket, and what is dropped later
    makes a new project. Refused while anything runs in it. Needs CreateProject and EditProject.
    """
    require(Permission.CREATE_PROJECT, project)
    require(Permission.EDIT_PROJECT, project)
    return _views([deleting_projects.ask_to_delete_project(platform(), project, confirm)])[0]


def _views(projects: list[Project]) -> list[ProjectView]:
    """With their budgets, in one read."""
    budgets = platform().budgets.get_many(project.name for project in projects)
    sums = {name: budget.usd for name, budget in budgets.items()}
    return [ProjectView.model_validate(p).model_copy(update={"budget_usd": sums.get(p.name)}) for p in projects]
