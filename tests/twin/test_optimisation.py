"""A task that asks for variants: they are made, told with the model, and one is deployed, tested, tried and used over a prefix."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.cli.main import main
from droplearn.contracts.s3_layout import service_images_prefix
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World


@pytest.fixture
def cli(world: World, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command prints as JSON; it must succeed."""

    def run(*words: object) -> Any:
        assert main([*map(str, words), "--json", "--connection", str(world.state / "connection.json")]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_an_int8_variant_is_made_after_training_and_deployed_when_it_is_asked_for(world: World, learnt: Learnt, cli: Any, tmp_path: Path):
    wanted = {"variants": ["int8"], "max_runtime_s": 300}
    task = world.end_of_task(world.start_task(learnt.project, learnt.dataset, optimise=wanted))
    assert task["status"] == "SUCCEEDED", task
    model = world.call("GET", f"/v1/models/{task['model']}")
    told = model["optimisation"]
    assert told["status"] == "SUCCEEDED", told
    (int8,) = told["variants"]
    assert int8["is_published"], int8
    assert int8["measured"]["size_bytes"] < 0.35 * told["baseline"]["size_bytes"]
    assert 0 < int8["measured"]["memory_mb"] < told["baseline"]["memory_mb"]

    service = world.deploy(learnt.project, task["model"], max_runtime_s=300, variant="int8")
    assert service["variant"] == "int8"
    answer = world.client.predict(service["url"], service["token"], picture("circle", 900), "image/jpeg")
    assert answer["result"]["output"][0]["body"][0]["label"] == "circle"
    the_service_is_tested(world, cli, service, tmp_path)
    world.call("POST", f"/v1/services/{service['id']}/stop")

    entry = {"name": "1.jpg", "type": "stream", "body": base64.b64encode(picture("circle", 901)).decode()}
    trial = f"/v1/models/{task['model']}/trial?variant=int8"
    world.wait(lambda: world.ask("POST", trial, {"dataArray": [entry]})[0], lambda status: status == 200)  # at last: the first loads
    told = cli("trial", task["model"], tmp_path / "circle/1.jpg", "--variant", "int8")
    assert told["answers"][0]["response"]["result"]["output"][0]["body"][0]["label"] == "circle"
    assert world.call("GET", f"/v1/models/{task['model']}/trial")["calls"][0]["variant"] == "int8"
    told = cli("batch", task["model"], "--prefix", service_images_prefix(learnt.project, service["id"]), "--variant", "int8", "--wait")
    assert (told["status"], told["report"]["label_counts"]) == ("SUCCEEDED", {"circle": 1, "square": 1})
    for path, body in ((f"models/{task['model']}/trial?variant=fp16", {}), (f"projects/{learnt.project}/batch-jobs", None)):
        asked = body if body is not None else {"model": task["model"], "dataset": learnt.dataset, "variant": "fp16"}
        assert world.ask("POST", f"/v1/{path}", asked)[1]["error"]["code"] == "variant.not_published"

    status, refused = world.ask("POST", f"/v1/projects/{learnt.project}/services", {"model": task["model"], "variant": "fp16"})
    assert (status, refused["error"]["code"]) == (409, "variant.not_published")


def the_service_is_tested(world: World, cli: Any, service: dict[str, Any], folder: Path) -> None:
    for name in ("circle/1.jpg", "square/2.jpg", "3.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(picture("square" if "square" in name else "circle", 901))
    test = cli("service", "test", service["id"], folder, "--option", "top=1")
    assert (test["image_count"], test["scored_count"], test["right_count"], test["failed_count"]) == (3, 2, 2, 0)
    assert world.client.fetch(test["images"][0]["url"])[:2] == b"\xff\xd8"
    kept = cli("service", "test-images", service["id"], "--remove", "3.jpg")
    assert {image["name"] for image in kept["images"]} == {"circle/1.jpg", "square/2.jpg"}
    assert [found["id"] for found in cli("service", "tests", service["id"])["tests"]] == [test["id"]]
    assert all(image["hint"] for image in cli("service", "tests", service["id"], test["id"], "--threshold", "1")["images"])
    image = {"name": "square/4.jpg", "body": base64.b64encode(picture("square", 902)).decode()}
    again = world.call("POST", f"/v1/services/{service['id']}/tests", {"images": [image], "options": {"top": "1"}})
    assert (again["image_count"], again["right_count"]) == (3, 3)
    world.call("DELETE", f"/v1/services/{service['id']}/test-images?name=square%2F4.jpg")
    datasets = {dataset["name"] for dataset in world.client.pages(f"/v1/projects/{service['project']}/datasets", "datasets")}
    assert not {name for name in datasets if "service" in name}, "what is uploaded for a test is in no dataset"
