"""A service is changed under its callers: versions, canaries, killed servers, tokens."""

from __future__ import annotations

from typing import Any

import urllib3

from benchmarks.serving.zero_lost import SteadyLoad, end_of_update, kill_server, swap
from droplearn.contracts.status import ServiceStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World


def test_no_request_is_lost_while_a_version_is_swapped_and_a_server_killed(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    path = f"/v1/services/{service['id']}"
    with SteadyLoad(service["url"], service["token"], callers=2, pause_s=0.1) as load:
        world.wait(lambda: load.counts["right"], lambda right: right > 5)
        done = swap(world, service["id"], learnt.model)
        assert done["outcome"] == "done", done
        right, refused = load.counts["right"], load.counts["refused"]
        assert refused == 0, load.examples
        kill_server(world.state)
        world.wait(lambda: load.counts["refused"], bool)
        world.wait(lambda: load.counts["right"], lambda now: now > right + 20)
    assert load.lost == 0, load.examples
    assert world.call("GET", path)["weights"] == {"v2": 1.0}
    listed = world.call("GET", f"{path}/versions")["versions"]
    assert [(v["name"], v["share"], v["model"]) for v in listed] == [("v2", 1.0, learnt.model), ("v1", 0.0, learnt.model)]
    told = {v["name"]: sum(p["invocations"] for p in v["points"]) for v in world.call("GET", f"{path}/metrics")["versions"]}
    assert set(told) == {"v1", "v2"}
    assert sum(told.values()) >= load.counts["right"]
    assert world.call("GET", f"{path}/instances")["instances"] == [{"version": "v2", "count": 1, "weight": 1.0}]
    assert world.call("GET", f"{path}/logs")["lines"]
    cost = world.call("GET", f"{path}/cost")
    assert 0 < cost["usd_so_far"] < cost["usd_per_hour"]
    world.call("POST", f"{path}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)
    assert world.call("GET", f"{path}/cost")["usd_per_hour"] == 0


def test_a_canary_that_is_too_slow_is_rolled_back_and_the_token_is_changed_meanwhile(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    path = f"/v1/services/{service['id']}"
    canary = {"share": 0.5, "duration_s": 20, "max_latency_ms": 0.001}
    made = world.call("POST", f"{path}/versions", {"model": learnt.model, "canary": canary})
    assert world.ask("POST", f"{path}/versions", {"model": learnt.model})[1]["error"]["code"] == "service.updating"
    rotated = world.call("POST", f"{path}/token", {"grace_s": 0})
    assert world.ask("POST", service["url"], {}, token=service["token"])[0] == 401
    with SteadyLoad(service["url"], rotated["token"], callers=2, pause_s=0.1) as load:
        done = end_of_update(world, service["id"], made["id"])
    assert (done["outcome"], done["phase"]) == ("rolled_back", "rolled_back"), done
    assert "ms on average" in done["message"]
    assert load.lost == 0, load.examples
    assert world.call("GET", path)["weights"] == {"v1": 1.0}
    assert world.client.predict(service["url"], rotated["token"], picture("circle", 3), "image/jpeg")["success"]
    assert [u["kind"] for u in world.call("GET", f"{path}/updates")["updates"]] == ["token", "version"]
    world.call("POST", f"{path}/stop")


def predicted(service: dict[str, Any], query: str = "") -> urllib3.BaseHTTPResponse:
    headers = {"authorization": service["token"], "content-type": "image/jpeg"}
    return urllib3.request("POST", service["url"] + query, body=picture("circle", 3), headers=headers)


def test_versions_with_instances_of_their_own_answer_by_name(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    path = f"/v1/services/{service['id']}"
    assert predicted(service, "?version=v2").json() == {"success": False, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"}
    made = world.call("POST", f"{path}/versions", {"model": learnt.model, "share": 0.5})
    assert end_of_update(world, service["id"], made["id"])["outcome"] == "done"
    named = [predicted(service, f"?top=1&version={name}") for name in ("v1", "v2", "v1", "v2")]
    assert [(reply.json()["success"], reply.headers["x-droplearn-version"]) for reply in named] == [(True, "v1"), (True, "v2")] * 2
    refused = predicted(service, "?version=v3&details=true")
    assert (refused.status, refused.json()["detail"]) == (400, "There is no version 'v3' here, but v1, v2.")
    world.call("POST", f"{path}/stop")


def test_versions_that_share_an_instance_answer_by_name_or_by_weight(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600, placement="shared")
    path = f"/v1/services/{service['id']}"

    def answered_by(query: str = "") -> str | None:
        reply = predicted(service, query)
        assert reply.json()["success"], reply.data
        return reply.headers.get("x-droplearn-version")

    assert answered_by() == "v1"
    made = world.call("POST", f"{path}/versions", {"model": learnt.model, "share": 0.5})
    done = end_of_update(world, service["id"], made["id"])
    assert done["outcome"] == "done", done
    assert [answered_by(f"?version={name}") for name in ("v1", "v2")] == ["v1", "v2"]
    world.wait(answered_by, lambda version: version == "v1")
    world.wait(answered_by, lambda version: version == "v2")
    assert world.call("GET", f"{path}/instances")["instances"] == [{"version": "shared", "count": 1, "weight": 1.0}]
    moved = world.call("PUT", f"{path}/traffic", {"shares": {"v1": 1, "v2": 0}})
    assert end_of_update(world, service["id"], moved["id"])["outcome"] == "done"
    assert {answered_by() for _ in range(10)} == {"v1"}
    assert answered_by("?version=v2&top=1") == "v2"
    world.wait(lambda: world.call("GET", f"{path}/metrics")["versions"], lambda told: {v["name"] for v in told} == {"v1", "v2"})
    assert world.ask("POST", f"{path}/predict?version=v7", {}, token=service["token"])[0] == 400
    assert [(v["name"], v["share"]) for v in world.call("GET", f"{path}/versions")["versions"]] == [("v2", 0.0), ("v1", 1.0)]
    world.call("POST", f"{path}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)
