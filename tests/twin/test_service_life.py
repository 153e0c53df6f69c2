"""A service's time: extended, cut, and over when nobody uses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from droplearn.contracts.status import ServiceStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World


def late_s(service: dict[str, str]) -> float:
    """By how much it ended after its deadline."""
    return (datetime.fromisoformat(service["ended_at"]) - datetime.fromisoformat(service["stops_at"])).total_seconds()


def test_a_deadline_is_extended_and_cut_while_the_service_answers(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    path = f"/v1/services/{service['id']}"
    before = world.call("GET", path)
    longer = world.call("PATCH", path, {"max_runtime_s": 7200})
    assert datetime.fromisoformat(longer["stops_at"]) - datetime.fromisoformat(before["stops_at"]) == timedelta(seconds=6600)
    assert world.ask("PATCH", path, {"max_runtime_s": 40 * 86400})[0] == 400
    soon = datetime.now(UTC) + timedelta(seconds=2)
    world.call("PATCH", path, {"stops_at": soon.isoformat()})
    is_answered = world.client.predict(service["url"], service["token"], picture("circle", 1), "image/jpeg")["success"]
    assert is_answered or datetime.now(UTC) > soon, "it answers until then"
    over = world.wait_service(service["id"], ServiceStatus.STOPPED)
    assert over["stop_reason"] == "deadline"
    assert 0 <= late_s(over) < 60
    assert world.ask("PATCH", path, {"max_runtime_s": 60})[1]["error"]["code"] == "service.over"


def test_a_cut_into_the_past_ends_a_service_now(world: World, learnt: Learnt):
    service = world.deploy(learnt.project, learnt.model)
    world.call("PATCH", f"/v1/services/{service['id']}", {"stops_at": "2020-01-01T00:00:00Z"})
    over = world.wait_service(service["id"], ServiceStatus.STOPPED)
    assert over["stop_reason"] == "deadline"
