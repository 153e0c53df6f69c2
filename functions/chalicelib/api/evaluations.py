"""`/v1/models/{model}/evaluations` and `/v1/evaluations/{evaluation}`."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Router

from chalicelib.api.calling import require
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.views import EvaluationPage, EvaluationView
from chalicelib.bootstrap import platform
from chalicelib.domain.evaluation import Evaluation, evaluations_of
from chalicelib.service import evaluations
from chalicelib.service.finding import find_evaluation, find_model
from droplearn.contracts.document import Part
from droplearn.contracts.evaluation import EvaluationReport
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


class NewEvaluation(Part):
    """An evaluation to be. `project`: of the dataset, when it is not the model's."""

    dataset: Name
    project: Name | None = None


def _view(evaluation: Evaluation) -> EvaluationView:
    empty: dict[str, Any] = {"protocol": None, "example_count": None, "bad_case_count": None, "metrics": {}}
    return EvaluationView.model_validate(empty | vars(evaluation) | (evaluation.summary or {}) | {"warnings": evaluation.warnings or []})


@router.post("/v1/models/<model>/evaluations", status_code=202, summary="Evaluate a model", tags=["evaluations"])
def create_evaluation(model: str, evaluation: NewEvaluation) -> EvaluationView:
    """On all labelled examples of a dataset. Needs TrainModel in the model's project and ListProject in the dataset's."""
    found = find_model(platform(), model)
    dataset_project = evaluation.project or found.project
    require(Permission.TRAIN_MODEL, found.project)
    require(Permission.LIST_PROJECT, dataset_project)
    return _view(evaluations.create_evaluation(platform(), model, dataset_project, evaluation.dataset))


@router.get("/v1/models/<model>/evaluations", summary="List a model's evaluations", tags=["evaluations"])
def list_evaluations(model: str, limit: Limit = 100, cursor: Cursor = None) -> EvaluationPage:
    """Newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_model(platform(), model).project)
    page = platform().evaluations.page(evaluations_of(model), limit, cursor, is_newest_first=True)
    return EvaluationPage(evaluations=[_view(e) for e in page.items], next_cursor=page.cursor)


@router.get("/v1/evaluations/<evaluation>", summary="Get an evaluation", tags=["evaluations"])
def get_evaluation(evaluation: str) -> EvaluationView:
    """Needs ListProject."""
    found = find_evaluation(platform(), evaluation)
    require(Permission.LIST_PROJECT, found.project)
    return _view(found)


@router.get("/v1/evaluations/<evaluation>/report", summary="Get an evaluation's report", tags=["evaluations"])
def get_report(evaluation: str) -> EvaluationReport:
    """Per label, confusion matrix, calibration. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_evaluation(platform(), evaluation).project)
    return EvaluationReport.from_json(evaluations.read_report(platform(), evaluation))
