"""`/v1/projects/{project}/models` and `/v1/models/{model}`."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from chalicelib.api.calling import require
from chalicelib.api.model_views import ExportView, ModelPage, ModelView
from chalicelib.api.parameters import Cursor, FewRows, Limit
from chalicelib.api.recall_views import TableNames, TablePreview
from chalicelib.bootstrap import platform
from chalicelib.domain.model import Model, models_of
from chalicelib.service import deleting_models, exporting, previews
from chalicelib.service.finding import find_model, find_project
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]

ExportForm = Annotated[
    exporting.Form,
    Query(description="`onnx`: a zip with the network, labels, model card and a program; `triton`: a model repository, tar.gz"),
]


def _view(model: Model) -> ModelView:
    shown = vars(model) | {
        "metrics": model.evaluation_metrics or {},
        "metrics_protocol": model.evaluation_protocol,
        "training_metrics": model.metrics,
        "training_metrics_protocol": model.metrics_protocol,
    }
    return ModelView.model_validate(shown)


@router.get("/v1/projects/<project>/models", summary="List a project's models", tags=["models"])
def list_models(project: str, limit: Limit = 100, cursor: Cursor = None) -> ModelPage:
    """Newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().models.page(models_of(project), limit, cursor, is_newest_first=True)
    return ModelPage(models=[_view(m) for m in page.items], next_cursor=page.cursor)


@router.get("/v1/models/<model>", summary="Get a model", tags=["models"])
def get_model(model: str) -> ModelView:
    """Needs ListProject."""
    found = find_model(platform(), model)
    require(Permission.LIST_PROJECT, found.project)
    return _view(found)


@router.delete("/v1/models/<model>", status_code=202, summary="Delete a model", tags=["models"])
def delete_model(model: str) -> ModelView:
    """Its files, evaluations, trials and links to its preview go with it, soon after the answer; its task, and the history of services and
    batch jobs that used it, stay. Refused while something uses it. Needs EditProject.
    """
    require(Permission.EDIT_PROJECT, find_model(platform(), model).project)
    return _view(deleting_models.ask_to_delete_model(platform(), model))


@router.get("/v1/models/<model>/export", summary="Export a model", tags=["models"])
def export_model(model: str, form: ExportForm = "onnx") -> ExportView:
    """A URL, good for 15 minutes, of an archive that runs without droplearn. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_model(platform(), model).project)
    return ExportView.model_validate(exporting.export_model(platform(), model, form)._asdict())


@router.get("/v1/models/<model>/tables", summary="List a model's tables", tags=["recommendation"])
def list_tables(model: str) -> TableNames:
    """None for a model that is a network. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_model(platform(), model).project)
    return TableNames(tables=previews.table_names(platform(), model))


@router.get("/v1/models/<model>/tables/<table>", summary="Preview a model's table", tags=["recommendation"])
def preview_table(model: str, table: str, limit: FewRows = 10, cursor: Cursor = None) -> TablePreview:
    """Its first rows. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_model(platform(), model).project)
    page = previews.preview_of_model(platform(), model, table, limit, cursor)
    return TablePreview(rows=page.items, next_cursor=page.cursor)
