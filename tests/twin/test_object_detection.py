"""Objects in pictures: drop, train, evaluate, deploy, predict; and what may go wrong."""

from __future__ import annotations

import json

import pytest

from droplearn.contracts.evaluation import EvaluationReport
from droplearn.contracts.prediction import PredictionSuccess
from droplearn.scenarios.object_detection.sample import sample_files, scenes
from tests.twin.conftest import Learnt
from tests.twin.world import World

LABELS = ("circle", "square")
CONFIG = b"scenario: object_detection\n"
QUICK = {"hyper_parameters": {"epochs": 3, "batch_size": 2, "learning_rate": 0.004}}


def files(count: int, seed: int = 0) -> dict[str, bytes]:
    return {"droplearn.yaml": CONFIG} | sample_files(seed, count, LABELS)


@pytest.fixture(scope="session")
def detected(world: World) -> Learnt:
    """Twenty pictures with VOC files, learnt for seconds."""
    made = files(20)
    world.drop("finding", "shapes", made | {"alone.png": scenes_png()}, count=len(made))
    task = world.end_of_task(world.start_task("finding", "shapes", **QUICK))
    assert task["status"] == "SUCCEEDED", task
    return Learnt("finding", "shapes", task, task["model"])


def scenes_png() -> bytes:
    (scene,) = scenes(77, 1)
    return scene.picture


def test_pictures_with_annotations_are_learnt_and_evaluated(world: World, detected: Learnt):
    model = world.call("GET", f"/v1/models/{detected.model}")
    assert model["labels"] == ["circle", "square"]
    evaluation = world.call("GET", f"/v1/evaluations/{detected.task['evaluation']}")
    assert (evaluation["status"], evaluation["protocol"]) == ("SUCCEEDED", "held_out_validation")
    report = EvaluationReport.model_validate(world.call("GET", f"/v1/evaluations/{evaluation['id']}/report"))
    assert {"map_50", "map_50_95", "classification_loss", "localization_loss"} <= report.metrics.keys()
    curve = world.call("GET", f"/v1/tasks/{detected.task['id']}/metrics")["metrics"]
    assert {"valid_map_50", "train_classification_loss", "train_localization_loss"} <= curve[-1].keys()


def test_a_service_tells_what_is_where(world: World, detected: Learnt):
    service = world.deploy(detected.project, detected.model, max_runtime_s=600)
    (scene,) = scenes(99, 1, LABELS)
    answer = world.client.predict(f"{service['url']}?threshold=0.02", service["token"], scene.picture, "image/jpeg")
    found = PredictionSuccess.model_validate(answer).result
    assert (found.meta.height, found.meta.width) == (scene.height, scene.width)
    assert found.output[0].body
    for item in found.output[0].body:
        assert item.label in LABELS
        assert item.pos is not None
        assert all(0 <= value <= 1 for point in item.pos for value in point)
    wrong = world.client.predict(service["url"], service["token"], b"no picture", "image/jpeg")
    assert wrong["errorCode"] == "1002"
    assert world.ask("POST", f"/v1/services/{service['id']}/stop")[0] in (200, 202)


def test_broken_files_are_reported_and_too_few_good_ones_end_the_task_with_a_hint(world: World):
    made = files(8)
    for number in range(4, 8):
        made[f"shape-{number}.xml"] = b"<annotation><object>"
    world.drop("finding", "broken", made, count=len(made) - 1)
    task = world.end_of_task(world.start_task("finding", "broken", **QUICK))
    assert task["status"] == "FAILED"
    assert task["error"]["code"] == "dataset.too_few_examples"
    assert task["error"]["hint"]


def test_pictures_without_annotations_are_refused_before_money_is_spent(world: World):
    made = {name: content for name, content in files(6).items() if not name.endswith(".xml")}
    world.drop("finding", "bare", made, count=len(made) - 1)
    status, told = world.ask("POST", "/v1/projects/finding/tasks", {"dataset": "bare"})
    assert status in (202, 422), told
    if status == 202:
        ended = world.end_of_task(told["id"])
        assert (ended["status"], ended["error"]["code"]) == ("FAILED", "dataset.empty")
    else:
        assert told["error"]["code"] == "dataset.empty"
    assert json.dumps(told)
