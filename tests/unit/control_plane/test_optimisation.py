"""Steps PlanOptimisation and RecordOptimisation, and what a service may be made of."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.optimisation import MAX_CALIBRATION, archive_of, choose_examples, spread
from chalicelib.service.batch_jobs import BatchOrder, create_batch_job
from chalicelib.service.batch_plan import plan_batch
from chalicelib.service.optimisation import plan_optimisation, record_failed_optimisation, record_optimisation
from chalicelib.service.services import ServiceOrder, create_service, plan_deployment
from chalicelib.service.training_plan import plan_training
from chalicelib.service.trials import TrialOrder, read_quota, try_model
from droplearn.contracts.errors import Conflict, InternalError, InvalidRequest
from droplearn.contracts.optimisation import Measured, OptimisationReport, OptimisationRequest, VariantReport
from droplearn.contracts.s3_layout import optimisation_prefix
from droplearn.contracts.training import Optimisation, TaskSettings
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task

BOTH = TaskSettings(optimise=Optimisation(variants=["int8", "fp16"], tolerance=0.02, max_runtime_s=120))


def lines(**counts: int) -> list[dict[str, object]]:
    return [{"path": f"{split}/{n}", "label": "cat", "split": split} for split, count in counts.items() for n in range(count)]


@pytest.mark.parametrize(
    ("counts", "is_validation_held_out", "protocol", "held_out"),
    [
        ({"train": 5, "validation": 2, "test": 3}, True, "test_split", 3),
        ({"train": 5, "validation": 2}, True, "held_out_validation", 2),
        ({"train": 5, "validation": 2}, False, "training_examples", 2),
        ({"train": 5}, False, "training_examples", 5),
    ],
)
def test_the_metric_is_measured_on_what_the_model_did_not_learn_where_there_is_such(counts, is_validation_held_out, protocol, held_out):
    chosen = choose_examples(lines(**counts), is_validation_held_out)
    assert (chosen.protocol, len(chosen.held_out), len(chosen.calibration)) == (protocol, held_out, 5)


def test_examples_without_an_annotation_are_left_out_and_many_are_thinned_evenly():
    chosen = choose_examples([*lines(train=1000, validation=9), {"path": "x", "label": None, "split": "train"}], True)
    assert (len(chosen.calibration), "x" in chosen.calibration) == (MAX_CALIBRATION, False)
    assert spread(range(10), 4) == [0, 2, 5, 7]


def planned():
    platform = a_platform()
    task = a_task(platform, "PREPARING", settings=BOTH)
    plan_training(platform, task.id, 1, 1)
    version = platform.tasks.get(task.id).dataset_version
    model = a_model(platform, task=task.id, dataset_version=version)
    return platform, task, model, plan_optimisation(platform, task.id, 1, model.id)


def test_the_job_is_given_the_model_and_no_more_examples_than_it_looks_at():
    platform, task, _, plan = planned()
    prefix = optimisation_prefix(task.id, 1)
    request = OptimisationRequest.from_json(platform.artifacts.read(f"{prefix}request/request.json"))
    assert (request.variants, request.tolerance, request.max_runtime_s) == (["int8", "fp16"], 0.02, 120)
    assert set(request.calibration).isdisjoint(request.held_out)
    listed = json.loads(platform.artifacts.read(f"{prefix}images.manifest"))
    assert listed[1:] == [*request.calibration, *request.held_out]
    assert {given["InputName"] for given in plan["inputs"]} == {"request", "model", "dataset", "images"}
    assert plan["max_runtime_s"] == 720


def report(model) -> OptimisationReport:
    measured = Measured(size_bytes=10, latency_ms=1.0, metric=0.9, memory_mb=33.5)
    return OptimisationReport(
        model_id=model.id,
        scenario=model.scenario,
        dataset_version=model.dataset_version,
        created_at="2026-01-01T00:00:00Z",
        metric="top1_accuracy",
        tolerance=0.01,
        protocol="test_split",
        example_count=200,
        calibration_count=64,
        baseline=measured,
        variants=[
            VariantReport(name="int8", is_published=True, reason="Smaller.", measured=measured, fall=0.0),
            VariantReport(name="fp16", is_published=False, reason="Kept aside: it falls by 3 points.", measured=measured, fall=0.03),
        ],
        duration_s=9.0,
    )


def optimised():
    platform, task, model, _ = planned()
    platform.artifacts.write(f"{optimisation_prefix(task.id, 1)}report/optimisation.json", report(model).to_json().encode())
    assert record_optimisation(platform, task.id, 1, model.id) == {"published": ["int8"]}
    return platform, platform.models.get(model.id)


def test_a_model_keeps_what_was_measured_of_it_and_of_each_variant():
    told = optimised()[1].optimisation
    of_each = [told["baseline"], *(variant["measured"] for variant in told["variants"])]
    assert [measured["memory_mb"] for measured in of_each] == [33.5] * 3


def order(model, **fields) -> ServiceOrder:
    return ServiceOrder(project=PROJECT, model=model.id, **fields)


def test_a_published_variant_is_deployed_when_it_is_asked_for_and_else_the_model_as_trained():
    platform, model = optimised()
    for variant, ending in (("int8", "report/int8/model.tar.gz"), ("fp32", "output/model.tar.gz")):
        service = create_service(platform, order(model, variant=variant)).service
        assert service.variant == variant
        assert plan_deployment(platform, service.id)["model_uri"].endswith(ending)
    assert create_service(platform, order(model)).service.variant == "fp32"


@pytest.mark.parametrize("variant", ["fp16", "int4"])
def test_a_variant_that_was_kept_aside_or_never_made_is_not_deployed(variant):
    platform, model = optimised()
    with pytest.raises(Conflict, match=variant) as caught:
        create_service(platform, order(model, variant=variant))
    assert caught.value.code == "variant.not_published"


def test_trials_and_batch_jobs_take_the_variant_that_is_asked_for_and_refuse_like_a_deployment():
    platform, model = optimised()
    tried = try_model(platform, TrialOrder(model.id, b"{}", "application/json", variant="int8"), 5)
    assert platform.trial_runner.asked[0].archive_key.endswith("report/int8/model.tar.gz")
    assert "report/int8/model.tar.gz" in platform.trial_runner.asked[0].archive_url
    assert tried.quota.used == 1
    batch = create_batch_job(platform, BatchOrder(project=PROJECT, model=model.id, dataset=DATASET, variant="int8"))
    platform.batch_jobs.change(batch.id, {"status": "PREPARING"})
    assert plan_batch(platform, batch.id, 1)["model_uri"].endswith("report/int8/model.tar.gz")
    with pytest.raises(Conflict, match=r"variant\.not_published"):
        try_model(platform, TrialOrder(model.id, b"{}", "application/json", variant="fp16"), 5)
    assert read_quota(platform, model, 5).used == 1, "a refusal costs no trial"
    with pytest.raises(Conflict, match=r"variant\.not_published"):
        create_batch_job(platform, BatchOrder(project=PROJECT, model=model.id, dataset=DATASET, variant="fp16"))


def test_a_failed_optimisation_leaves_the_model_as_it_was():
    platform, _, model, _ = planned()
    record_failed_optimisation(platform, model.id, {"code": "job.failed", "message": "killed", "hint": ""})
    kept = platform.models.get(model.id)
    assert (kept.artifact_uri, kept.optimisation["status"]) == (model.artifact_uri, "FAILED")
    assert archive_of(kept.artifact_uri, kept.optimisation, "int8") is None
    assert archive_of(kept.artifact_uri, kept.optimisation, "fp32") == model.artifact_uri


def test_a_job_that_ended_without_a_report_is_an_error_of_the_stage():
    platform, task, model, _ = planned()
    with pytest.raises(InternalError):
        record_optimisation(platform, task.id, 1, model.id)


def test_a_scenario_whose_models_are_not_one_network_refuses_variants_before_anything_runs():
    from droplearn.scenarios import scenario_named

    with pytest.raises(InvalidRequest, match="int8"):
        scenario_named("tabular_prediction").check_variants(["int8"])
    scenario_named("object_detection").check_variants(["int8", "fp16"])
