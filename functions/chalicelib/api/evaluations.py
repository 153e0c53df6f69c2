"""`/v1/models/{model}/evaluations` and `/v1/evaluations/{evaluation}`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from chalicelib.api.calling import require
from chalicelib.api.evaluation_views import (
    BadCaseGroups,
    BadCasePage,
    BadCaseView,
    ComparisonView,
    CurvesView,
    EvaluationPage,
    EvaluationView,
    ThresholdsView,
)
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.bootstrap import platform
from chalicelib.domain.evaluation import Evaluation, evaluations_of
from chalicelib.domain.thresholds import DEFAULT_THRESHOLD, scores_at
from chalicelib.service import evaluation_results as results
from chalicelib.service import evaluations
from chalicelib.service.finding import find_evaluation, find_model
from droplearn.contracts.document import Part
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.evaluation import EvaluationReport
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission
from droplearn.scenarios import scenario_named

router: Router = Router()  # type: ignore[no-untyped-call]


_MEASURED = ("protocol", "example_count", "bad_case_count", "skipped_count", "duration_s", "model_size_bytes")
"""What an evaluation has once it has succeeded."""


class NewEvaluation(Part):
    """An evaluation to be. `project`: of the dataset, when it is not the model's."""

    dataset: Name
    project: Name | None = None


def _view(evaluation: Evaluation) -> EvaluationView:
    empty: dict[str, Any] = dict.fromkeys(_MEASURED) | {"metrics": {}}
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
    return EvaluationReport.from_json(results.read_file(platform(), evaluation, results.REPORT))


@router.get("/v1/evaluations/<evaluation>/thresholds", summary="Precision and recall at a threshold", tags=["evaluations"])
def get_thresholds(
    evaluation: str,
    threshold: Annotated[float, Query(ge=0, le=1)] = DEFAULT_THRESHOLD,
    label_thresholds: Annotated[str, Query(max_length=4000, description='JSON: own thresholds of labels, `{"cat": 0.6}`')] = "{}",
) -> ThresholdsView:
    """Micro, macro and per label, with the threshold of each label's best F1. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_evaluation(platform(), evaluation).project)
    curves = results.read_curves(platform(), evaluation)
    of_labels = _label_thresholds(label_thresholds, {curve.label for curve in curves.labels})
    return ThresholdsView.of(curves, threshold, scores_at(curves, threshold, of_labels))


@router.get("/v1/evaluations/<evaluation>/curves", summary="Precision-recall curves", tags=["evaluations"])
def get_curves(evaluation: str) -> CurvesView:
    """At most 200 points a label, to be drawn. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_evaluation(platform(), evaluation).project)
    return CurvesView.of(results.read_curves(platform(), evaluation))


@router.get("/v1/evaluations/<evaluation>/bad-cases", summary="List what the model got wrong", tags=["evaluations"])
def list_bad_cases(
    evaluation: str,
    label: Annotated[str | None, Query(max_length=200)] = None,
    predicted: Annotated[str | None, Query(max_length=200)] = None,
    previews: Annotated[
        bool, Query(description="With a URL of each object, good for 15 minutes; each look at one is a read of S3")
    ] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> BadCasePage:
    """By true and predicted label, the most confident first. No object of the dataset is read. Needs ListProject."""
    found = find_evaluation(platform(), evaluation)
    require(Permission.LIST_PROJECT, found.project)
    page = results.bad_cases(platform(), evaluation, label, predicted, limit, cursor)
    links = _links(found, [case.path for case in page.items]) if previews else {}
    return BadCasePage(bad_cases=[BadCaseView.of(case, links.get(case.path)) for case in page.items], next_cursor=page.cursor)


@router.get("/v1/evaluations/<evaluation>/bad-case-groups", summary="Count what the model got wrong", tags=["evaluations"])
def list_bad_case_groups(evaluation: str) -> BadCaseGroups:
    """How many of each pair of true and predicted label. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_evaluation(platform(), evaluation).project)
    return BadCaseGroups.of(evaluation, results.bad_case_index(platform(), evaluation))


@router.get("/v1/evaluations/<evaluation>/comparison", summary="Compare two models on the same examples", tags=["evaluations"])
def get_comparison(evaluation: str, other: Annotated[str, Query(max_length=60)]) -> ComparisonView:
    """A paired test says whether the difference may be chance. Needs ListProject in both projects."""
    for id_ in (evaluation, other):
        require(Permission.LIST_PROJECT, find_evaluation(platform(), id_).project)
    return ComparisonView.of(evaluation, other, results.compare(platform(), evaluation, other))


def _links(evaluation: Evaluation, paths: list[str]) -> dict[str, str]:
    """Whoever may not list the dataset's project sees none of its objects. Rows and users are no objects."""
    if scenario_named(find_model(platform(), evaluation.model).scenario).spec.labels_from == "rows":
        return {}
    place = results.dataset_of(platform(), evaluation)
    require(Permission.LIST_PROJECT, place.project)
    return results.links_to(platform(), place, paths)


def _label_thresholds(text: str, known: set[str]) -> dict[str, float]:
    """Raises InvalidRequest (`request.invalid`)."""
    try:
        chosen = json.loads(text)
    except (ValueError, RecursionError):
        chosen = None
    hint = 'Write label_thresholds={"cat":0.6}, URL-encoded, with labels of this model and values from 0 to 1.'
    if not isinstance(chosen, dict) or not all(isinstance(v, float | int) and 0 <= v <= 1 for v in chosen.values()):
        raise InvalidRequest("request.invalid", "label_thresholds is no JSON object of thresholds.", hint=hint)
    if unknown := sorted(set(chosen) - known):
        raise InvalidRequest("request.invalid", f"The model has no label {', '.join(map(repr, unknown[:5]))}.", hint=hint)
    return {label: float(value) for label, value in chosen.items()}
