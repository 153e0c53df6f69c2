"""Drop, index, train, evaluate, deploy, predict: as a user does it."""

from __future__ import annotations

import base64
import json

from droplearn.contracts.evaluation import EvaluationReport
from droplearn.contracts.prediction import PredictionSuccess
from droplearn.contracts.status import ServiceStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World, pictures


def test_a_first_drop_creates_project_and_dataset_with_an_inferred_scenario(world: World, learnt: Learnt):
    project = world.call("GET", f"/v1/projects/{learnt.project}")
    assert project["scenario"] == "image_classification"
    assert project["is_scenario_inferred"] is True
    dataset = world.find_dataset(learnt.project, learnt.dataset)
    assert dataset["label_counts"] == {"circle": 8, "square": 8}


def test_a_trained_model_is_evaluated_on_what_was_held_out(world: World, learnt: Learnt):
    assert learnt.task["metrics"]["top1_accuracy"] >= 0.9
    evaluation = world.call("GET", f"/v1/evaluations/{learnt.task['evaluation']}")
    assert evaluation["status"] == "SUCCEEDED"
    assert evaluation["protocol"] in ("cross_validation", "held_out_validation")
    report = EvaluationReport.model_validate(world.call("GET", f"/v1/evaluations/{evaluation['id']}/report"))
    assert sum(map(sum, report.confusion_matrix)) == report.example_count
    assert [row.label for row in report.labels] == ["circle", "square"]


def test_metrics_and_log_of_a_task_can_be_read(world: World, learnt: Learnt):
    found = world.call("GET", f"/v1/tasks/{learnt.task['id']}/metrics")
    assert found["metrics"][-1]["valid_top1_accuracy"] >= 0.9
    lines = list(world.client.pages(f"/v1/tasks/{learnt.task['id']}/logs", "lines"))
    assert any('"event"' in line["message"] for line in lines)


def test_a_model_is_evaluated_on_another_dataset(world: World, learnt: Learnt):
    world.drop(learnt.project, "later", pictures(3, first_seed=500))
    made = world.call("POST", f"/v1/models/{learnt.model}/evaluations", {"dataset": "later"})
    done = world.end_of_evaluation(made["id"])
    assert done["status"] == "SUCCEEDED", done
    assert done["protocol"] == "other_dataset"
    assert done["example_count"] == 6
    assert done["metrics"]["macro_f1"] >= 0.8


def test_a_service_answers_raw_pictures_and_the_json_form_until_it_is_stopped(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    raw = world.client.predict(service["url"], service["token"], picture("circle", 900), "image/jpeg")
    answer = PredictionSuccess.model_validate(raw)
    assert answer.result.output[0].body[0].label == "circle"
    assert (answer.result.meta.height, answer.result.meta.width) == (96, 96)

    body = {"dataArray": [{"name": "image", "type": "stream", "body": base64.b64encode(picture("square", 901, kind="PNG")).decode()}]}
    formal = world.client.predict(service["url"], service["token"], json.dumps(body).encode(), "application/json")
    assert formal["result"]["output"][0]["body"][0]["label"] == "square"
    wrong = world.client.predict(service["url"], service["token"], b"{}", "application/json")
    assert wrong == {"success": False, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"}

    assert world.ask("POST", f"/v1/services/{service['id']}/stop")[0] in (200, 202)
    assert world.ask("POST", f"/v1/services/{service['id']}/stop")[0] in (200, 202), "a double click is harmless"
    world.wait_service(service["id"], ServiceStatus.STOPPED)
    status, gone = world.ask("POST", service["url"], body, token=service["token"])
    assert status in (401, 409, 503), gone


def test_equal_requests_with_one_idempotency_key_start_one_task(world: World, learnt: Learnt):
    url = f"{world.connection.api_url}/v1/projects/{learnt.project}/tasks"
    headers = {"authorization": f"Bearer {world.connection.admin_token}", "idempotency-key": "double-click"}
    made = [world.http.request("POST", url, json={"dataset": learnt.dataset}, headers=headers).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert world.end_of_task(made[0])["status"] == "SUCCEEDED"


def test_incremental_training_keeps_the_old_labels_and_compares_them(world: World, learnt: Learnt):
    world.drop(learnt.project, "more", pictures(8, labels=("triangle", "circle"), first_seed=50))
    task = world.end_of_task(world.start_task(learnt.project, "more", base_model=learnt.model))
    assert task["status"] == "SUCCEEDED", task
    model = world.call("GET", f"/v1/models/{task['model']}")
    assert model["labels"] == ["circle", "square", "triangle"]
    assert model["base_model"]["model_id"] == learnt.model
    assert model["base_model"]["example_count"] > 0
    assert model["base_model"]["has_fallen"] is False


def test_a_dataset_with_a_train_section_trains_by_itself_once_it_is_quiet_as_far_as_the_budget_goes(world: World):
    config = b"scenario: image_classification\ntrain:\n  quiet_period_s: 5\n  max_runtime_s: 300\n  deploy: true\n"
    heard = world.hears("droplearn")
    world.drop("shapes2", "self", pictures(4))
    world.call("PUT", "/v1/projects/shapes2/budget", {"usd": 0.3})
    world.drop("shapes2", "self", {"droplearn.yaml": config}, count=8)
    tasks = world.wait(lambda: world.call("GET", "/v1/projects/shapes2/tasks")["tasks"], len)
    assert len(tasks) == 1
    task = world.end_of_task(tasks[0]["id"])
    assert task["status"] == "SUCCEEDED", task
    assert world.call("GET", "/v1/projects/shapes2")["is_scenario_inferred"] is False

    assert any("not deployed" in warning and "higher budget" in warning for warning in task["warnings"]), "it may cost .10 USD"
    assert world.call("GET", "/v1/projects/shapes2/services")["services"] == []
    budget = world.call("GET", "/v1/projects/shapes2/budget")
    assert 0 < budget["spent_usd"] < 0.2
    assert budget["reserved_usd"] == 0
    refused = world.ask("POST", f"/v1/tasks/{task['id']}/restart")
    assert refused[1]["error"]["code"] == "task.not_restartable"
    status, told = world.ask("POST", "/v1/projects/shapes2/tasks", {"dataset": "self"})
    assert (status, told["error"]["details"]["spent_usd"]) == (402, budget["spent_usd"])
    assert [notice["share"] for notice in budget["notices"]] == [0.8], "its start might have cost .2875"
    world.call("PUT", "/v1/projects/shapes2/budget", {"usd": 0})
    told = world.wait(heard, lambda events: len(events) >= 2)
    assert {(event["detail"]["project"], event["detail"]["share"]) for event in told} == {("shapes2", 0.8), ("shapes2", 1)}


def test_an_evaluation_answers_at_any_threshold_lists_bad_cases_and_compares(world: World, learnt: Learnt):
    path = f"/v1/evaluations/{learnt.task['evaluation']}"
    loose, strict = (world.call("GET", f"{path}/thresholds", threshold=t) for t in (0.0, 0.999999))
    assert loose["micro"]["recall"] == 1.0
    assert strict["micro"]["recall"] < 1.0
    own = world.call("GET", f"{path}/thresholds", label_thresholds='{"circle": 0.3}')
    assert [row["threshold"] for row in own["labels"]] == [0.3, 0.8]
    assert world.ask("GET", f'{path}/thresholds?label_thresholds={{"cat":0.3}}')[0] == 400
    assert world.call("GET", f"{path}/curves")["labels"][0]["positive_count"] == 8

    world.drop(learnt.project, "mixed", {"circle/wrong.jpg": picture("square", 700), "square/right.jpg": picture("square", 701)})
    made = world.call("POST", f"/v1/models/{learnt.model}/evaluations", {"dataset": "mixed"})
    done = world.end_of_evaluation(made["id"])
    assert done["bad_case_count"] == 1, done
    cases = world.call("GET", f"/v1/evaluations/{made['id']}/bad-cases", label="circle", predicted="square")
    assert [case["path"] for case in cases["bad_cases"]] == ["circle/wrong.jpg"]
    same = world.call("GET", f"/v1/evaluations/{made['id']}/comparison", other=made["id"])
    assert (same["both_wrong"], same["p_value"], same["is_significant"]) == (1, 1.0, False)
    assert world.ask("GET", f"{path}/comparison?other={made['id']}")[0] == 409
