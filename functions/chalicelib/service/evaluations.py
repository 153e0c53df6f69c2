"""Start an evaluation on a dataset of one's choice (E-6)."""

from __future__ import annotations

from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.model import Model
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.attempts import start
from chalicelib.service.billed_jobs import evaluation_job
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_dataset, find_model, find_open_project
from chalicelib.service.model_claims import claim_model
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.contracts.ids import new_id
from droplearn.contracts.status import EvaluationStatus


def create_evaluation(platform: Platform, model_id: str, dataset_project: str, dataset: str) -> Evaluation:
    """Raises NotFound (`model.unknown`, `model.deleted`, `project.unknown`, `dataset.unknown`), InvalidRequest
    (`evaluation.wrong_scenario`), Conflict (`evaluation.sample_data`, `model.being_deleted`), BudgetExceeded, TransientError
    (`model.busy`).
    """
    model = find_model(platform, model_id)
    _refuse_sample_data(platform, model)
    if find_open_project(platform, dataset_project).scenario != model.scenario:
        raise InvalidRequest(
            "evaluation.wrong_scenario",
            f"The model is for {model.scenario}, the dataset is not.",
            hint="Choose a dataset of the same scenario.",
        )
    find_dataset(platform, dataset_project, dataset)
    now = text_of(platform.now())
    evaluation = Evaluation(
        id=new_id("eval"),
        project=model.project,
        model=model.id,
        status=EvaluationStatus.CREATED.value,
        created_at=now,
        updated_at=now,
        dataset_project=dataset_project,
        dataset=dataset,
    )
    admit(platform, model.project, Ask(evaluation.id, evaluation_job(model.scenario).at_most))
    claim_model(platform, model.id, evaluation.id)
    platform.evaluations.add(evaluation)
    return start(platform, platform.evaluations, evaluation, "evaluate", {"evaluation_id": evaluation.id})


def _refuse_sample_data(platform: Platform, model: Model) -> None:
    """What a model has learnt from sample data says nothing about data of one's own, and the other way round."""
    learnt_from = platform.datasets.get(f"{model.project}/{model.dataset}")
    if learnt_from is not None and (learnt_from.config or {}).get("is_sample"):
        raise Conflict(
            "evaluation.sample_data",
            f"The model learnt from the sample data {model.dataset!r}: it is not evaluated on another dataset.",
            hint="Train on your own data.",
        )
