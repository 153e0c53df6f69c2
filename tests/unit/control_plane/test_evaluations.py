"""Start evaluations; steps PlanEvaluation and RecordEvaluation; metrics from logs."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.project import Project
from chalicelib.ports import LogLine
from chalicelib.service.evaluation_plan import plan_evaluation, record_evaluation
from chalicelib.service.evaluation_results import REPORT, read_file
from chalicelib.service.evaluations import create_evaluation
from chalicelib.service.freezing import freeze
from chalicelib.service.task_metrics import read_metrics
from droplearn.contracts.errors import Conflict, InternalError, InvalidDataset, InvalidRequest, UserError
from droplearn.contracts.evaluation import EvaluationReport, EvaluationRequest
from droplearn.contracts.training import MetricLine, TaskSettings
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task


def frozen(platform, **settings):
    return freeze(
        platform.examples,
        platform.artifacts,
        project=PROJECT,
        dataset=DATASET,
        settings=TaskSettings(**settings),
        scenario="image_classification",
        now="2026-01-01T00:00:00Z",
    )


def of_a_task(platform, **settings):
    """An evaluation as RegisterModel makes it."""
    model = a_model(platform, dataset_version=frozen(platform, **settings).version_id)
    evaluation = create_evaluation(platform, model.id, PROJECT, DATASET)
    return platform.evaluations.change(evaluation.id, {"dataset": None, "dataset_project": None, "task": "task-1"})


def report(evaluation) -> EvaluationReport:
    return EvaluationReport(
        evaluation_id=evaluation.id,
        model_id=evaluation.model,
        scenario="image_classification",
        dataset_version="v-1",
        protocol="other_dataset",
        created_at="2026-01-01T00:00:00Z",
        example_count=20,
        bad_case_count=2,
        duration_s=1.0,
        metrics={"top1_accuracy": 0.9},
        labels=[],
        confusion_matrix=[],
    )


def channels(plan):
    return {i["InputName"]: i["S3Input"]["S3Uri"] for i in plan["inputs"]}


def request_of(platform, evaluation) -> EvaluationRequest:
    return EvaluationRequest.from_json(platform.artifacts.read(f"evaluations/{evaluation.id}/request/request.json"))


def test_without_a_test_split_the_held_out_predictions_are_scored_and_no_picture_is_downloaded():
    platform = a_platform()
    evaluation = of_a_task(platform)
    plan = plan_evaluation(platform, evaluation.id)
    assert request_of(platform, evaluation).source == "held_out"
    assert set(channels(plan)) == {"request", "model", "dataset"}


def test_with_a_test_split_only_its_pictures_are_downloaded():
    platform = a_platform({"cat": 20, "dog": 20})
    evaluation = of_a_task(platform, test_fraction=0.2)
    plan = plan_evaluation(platform, evaluation.id)
    assert request_of(platform, evaluation).source == "test_split"
    key = channels(plan)["images"].removeprefix("s3://artifacts/")
    prefix, *paths = json.loads(platform.artifacts.read(key))
    assert prefix == {"prefix": f"s3://data/{PROJECT}/{DATASET}/"}
    assert len(paths) == 8


def test_another_dataset_is_frozen_and_evaluated_whole():
    platform = a_platform()
    evaluation = create_evaluation(platform, a_model(platform).id, PROJECT, DATASET)
    plan = plan_evaluation(platform, evaluation.id)
    version = frozen(platform).version_id
    assert request_of(platform, evaluation).source == "all_examples"
    assert channels(plan)["images"] == f"s3://artifacts/versions/{version}/images.manifest"
    assert platform.executions.started[0][:2] == ("evaluate", f"{evaluation.id}-a1")


def test_a_dataset_without_labels_cannot_be_evaluated_on():
    platform = a_platform({})
    evaluation = create_evaluation(platform, a_model(platform).id, PROJECT, DATASET)
    with pytest.raises(InvalidDataset, match=r"dataset\.empty"):
        plan_evaluation(platform, evaluation.id)


def test_a_dataset_of_another_scenario_is_refused():
    platform = a_platform()
    with pytest.raises(InvalidRequest, match=r"evaluation\.wrong_scenario"):
        create_evaluation(platform, a_model(platform, scenario="tabular").id, PROJECT, DATASET)


def test_the_reports_essentials_go_to_evaluation_model_and_task():
    platform = a_platform()
    evaluation = of_a_task(platform)
    task = a_task(platform, "EVALUATING", evaluation=evaluation.id)
    platform.evaluations.change(evaluation.id, {"task": task.id, "status": "RUNNING"})
    platform.artifacts.write(f"evaluations/{evaluation.id}/report/report.json", report(evaluation).to_json().encode())
    for _ in range(2):
        record_evaluation(platform, evaluation.id)
    done = platform.evaluations.get(evaluation.id)
    assert (done.status, done.summary["bad_case_count"]) == ("SUCCEEDED", 2)
    assert platform.tasks.get(task.id).metrics == {"top1_accuracy": 0.9}
    assert platform.models.get(evaluation.model).evaluation_metrics == {"top1_accuracy": 0.9}
    assert json.loads(read_file(platform, evaluation.id, REPORT))["example_count"] == 20


def test_a_person_evaluating_on_another_dataset_does_not_change_the_models_own_metrics():
    platform = a_platform()
    evaluation = create_evaluation(platform, a_model(platform).id, PROJECT, DATASET)
    platform.artifacts.write(f"evaluations/{evaluation.id}/report/report.json", report(evaluation).to_json().encode())
    record_evaluation(platform, evaluation.id)
    assert platform.models.get(evaluation.model).evaluation_metrics is None


def test_an_evaluation_without_a_report_says_so():
    platform = a_platform()
    evaluation = of_a_task(platform)
    with pytest.raises(InternalError, match=r"evaluation\.no_report"):
        record_evaluation(platform, evaluation.id)
    with pytest.raises(Conflict, match=r"evaluation\.no_report_yet"):
        read_file(platform, evaluation.id, REPORT)


def test_metrics_are_read_from_the_log_and_noise_is_passed_over():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_jobs=["job"])
    metric = MetricLine(stage="finetune", epoch=1, epochs=3, elapsed_s=2.0, metrics={"valid_top1_accuracy": 0.5}).to_line()
    progress = '{"event": "progress", "stage": "finetune", "done": 1, "total": 3}'
    texts = ["hello", metric, '{"event": "metric"}', '["event"]', progress, '{"event": broken']
    platform.job_logs.lines = [LogLine("t", "job", "algo-1", text) for text in texts]
    found = read_metrics(platform, task)
    assert [(m["epoch"], m["valid_top1_accuracy"]) for m in found.metrics] == [(1, 0.5)]
    assert (found.progress.done, found.progress.total) == (1, 3)


def test_while_a_task_is_optimised_its_progress_is_that_of_the_optimisation():
    platform = a_platform()
    task = a_task(platform, "OPTIMISING", training_jobs=["job"], optimisation_job="job-2")
    texts = {"job": '{"event": "progress", "stage": "finetune", "done": 3, "total": 3}'}
    texts["job-2"] = '{"event": "progress", "stage": "optimise_int8", "done": 0, "total": 2}'
    platform.job_logs.lines = [LogLine("t", job, "algo-1", text) for job, text in texts.items()]
    assert read_metrics(platform, task).progress.stage == "optimise_int8"


def test_a_model_of_sample_data_is_not_evaluated_on_another_dataset():
    platform = a_platform()
    platform.datasets.change(f"{PROJECT}/{DATASET}", {"config": {"is_sample": True}})
    with pytest.raises(Conflict, match=r"evaluation\.sample_data"):
        create_evaluation(platform, a_model(platform).id, PROJECT, DATASET)
    platform.datasets.change(f"{PROJECT}/{DATASET}", {"config": {"is_sample": False}})
    assert create_evaluation(platform, a_model(platform).id, PROJECT, DATASET).status == "CREATED"


@pytest.mark.parametrize("deleting_since", ["2026-01-02T00:00:00.000Z", None])
def test_a_dataset_that_is_deleted_while_it_is_frozen_is_not_evaluated_on(deleting_since):
    """Of its examples some may have been gone already: the figures would be those of the rest."""
    platform = a_platform()
    platform.projects.add(Project(name="mine", scenario="image_classification", created_at="2026-01-01T00:00:00.000Z"))
    evaluation = create_evaluation(platform, a_model(platform, project="mine").id, PROJECT, DATASET)
    if deleting_since:
        platform.projects.change(PROJECT, {"deleting_since": deleting_since})
    else:
        platform.projects.remove(PROJECT)
    with pytest.raises(UserError, match=r"project\.(being_deleted|unknown)"):
        plan_evaluation(platform, evaluation.id)
