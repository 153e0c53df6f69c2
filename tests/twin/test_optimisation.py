"""A task that asks for variants: they are made, told with the model, and one is deployed."""

from __future__ import annotations

from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World


def test_an_int8_variant_is_made_after_training_and_deployed_when_it_is_asked_for(world: World, learnt: Learnt):
    wanted = {"variants": ["int8"], "max_runtime_s": 300}
    task = world.end_of_task(world.start_task(learnt.project, learnt.dataset, optimise=wanted))
    assert task["status"] == "SUCCEEDED", task
    model = world.call("GET", f"/v1/models/{task['model']}")
    told = model["optimisation"]
    assert told["status"] == "SUCCEEDED", told
    (int8,) = told["variants"]
    assert int8["is_published"], int8
    assert int8["measured"]["size_bytes"] < 0.35 * told["baseline"]["size_bytes"]

    service = world.deploy(learnt.project, task["model"], max_runtime_s=300, variant="int8")
    assert service["variant"] == "int8"
    answer = world.client.predict(service["url"], service["token"], picture("circle", 900), "image/jpeg")
    assert answer["result"]["output"][0]["body"][0]["label"] == "circle"
    world.call("POST", f"/v1/services/{service['id']}/stop")

    status, refused = world.ask("POST", f"/v1/projects/{learnt.project}/services", {"model": task["model"], "variant": "fp16"})
    assert (status, refused["error"]["code"]) == (409, "variant.not_published")
