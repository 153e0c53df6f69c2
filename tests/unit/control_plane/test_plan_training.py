"""Step PlanTraining."""

from __future__ import annotations

import json

import pytest

from chalicelib.service.training_plan import GRACE_S, MAX_HYPER_PARAMETER, plan_training
from droplearn.contracts.errors import Conflict, InvalidDataset
from droplearn.contracts.training import HyperParameters, Resources, TaskSettings, TrainingRequest
from tests.unit.control_plane.things import a_model, a_platform, a_task


def test_the_plan_names_the_version_the_channels_and_the_limits():
    platform = a_platform()
    settings = TaskSettings(max_runtime_s=120, resources=Resources(instance_type="ml.g5.xlarge", instance_count=2))
    task = a_task(platform, "PREPARING", settings=settings)
    plan = plan_training(platform, task.id, 1, 3)
    version = platform.tasks.get(task.id).dataset_version
    assert plan["job"] == f"{task.id}-a1-t3"
    assert len(plan["job"]) <= 63, "SageMaker's limit"
    assert TrainingRequest.from_json(plan["request"]).dataset_version == version
    assert (plan["instance_type"], plan["instance_count"], plan["max_runtime_s"]) == ("ml.g5.xlarge", 2, 120 + GRACE_S)
    assert [c["ChannelName"] for c in plan["channels"]] == ["dataset", "images"]
    assert plan["channels"][1]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://artifacts/versions/{version}/images.manifest"
    assert plan["checkpoints_uri"].endswith(f"/tasks/{task.id}/checkpoints/")


def test_planning_again_gives_the_same_version():
    platform = a_platform()
    task = a_task(platform, "PREPARING")
    first, second = plan_training(platform, task.id, 1, 1), plan_training(platform, task.id, 1, 2)
    assert first["channels"] == second["channels"]


@pytest.mark.parametrize(
    ("counts", "code"), [({}, "dataset.empty"), ({"cat": 5}, "dataset.one_label"), ({"cat": 5, "dog": 1}, "dataset.too_few_examples")]
)
def test_a_dataset_that_cannot_be_learnt_from_is_refused_with_a_hint(counts, code):
    platform = a_platform(counts)
    task = a_task(platform, "PREPARING")
    with pytest.raises(InvalidDataset) as refused:
        plan_training(platform, task.id, 1, 1)
    assert refused.value.code == code
    assert refused.value.hint


def test_an_attempt_that_is_over_plans_nothing():
    platform = a_platform()
    with pytest.raises(Conflict, match=r"task\.superseded"):
        plan_training(platform, a_task(platform, "PREPARING", attempt=2).id, 1, 1)
    with pytest.raises(Conflict, match=r"task\.superseded"):
        plan_training(platform, a_task(platform, "STOPPED").id, 1, 1)


def test_an_incremental_task_gets_the_base_models_files():
    platform = a_platform()
    base = a_model(platform)
    task = a_task(platform, "PREPARING", settings=TaskSettings(base_model=base.id))
    plan = plan_training(platform, task.id, 1, 1)
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in plan["channels"]}
    assert channels["base_model"] == base.artifact_uri
    assert channels["base_images"].endswith(f"/versions/{base.dataset_version}/images.manifest")
    assert json.loads(plan["request"])["base_model"] == {"model_id": base.id, "dataset_version": base.dataset_version}


def test_a_long_selection_of_labels_still_fits_a_hyper_parameter():
    labels = {f"a rather long label with the number {n}": 3 for n in range(200)}
    platform = a_platform(labels)
    task = a_task(platform, "PREPARING", settings=TaskSettings(labels=list(labels), hyper_parameters=HyperParameters(epochs=3)))
    plan = plan_training(platform, task.id, 1, 1)
    assert len(plan["request"]) <= MAX_HYPER_PARAMETER
    assert TrainingRequest.from_json(plan["request"]).settings.hyper_parameters.epochs == 3
