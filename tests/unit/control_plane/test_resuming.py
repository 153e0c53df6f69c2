"""Services whose execution was interrupted, and what no event has told of."""

from __future__ import annotations

import pytest

from chalicelib.domain.service import LiveService
from chalicelib.domain.times import text_of
from chalicelib.ports import EndpointState
from chalicelib.service.services import plan_deployment
from chalicelib.service.settling import Execution, record_failure, settle_ended_execution
from chalicelib.service.sweeping import LEFT_ALONE_S, sweep_services
from tests.unit.control_plane.test_services import deployed
from tests.unit.control_plane.things import a_platform


def interrupted(platform, service_id, attempt=1, how="ABORTED"):
    return settle_ended_execution(platform, Execution("service", service_id, attempt), how)


@pytest.mark.parametrize("status", ["CREATED", "STARTING", "RUNNING"])
def test_an_interrupted_service_is_taken_over_once_and_keeps_its_endpoint(status):
    platform = a_platform()
    service, _ = deployed(platform, status, stop_token="old", stops_at="2026-01-01T01:00:00.000Z")
    platform.endpoints.known[service.id] = EndpointState("InService")
    assert interrupted(platform, service.id) == "CREATED"
    interrupted(platform, service.id)
    assert [name for _, name, _ in platform.executions.started] == [f"{service.id}-a1", f"{service.id}-a2"]
    now = platform.services.get(service.id)
    assert (now.attempt, now.stop_token, now.stops_at) == (2, None, "2026-01-01T01:00:00.000Z")
    assert plan_deployment(platform, service.id)["serving"] == "present"


def test_a_start_that_crashed_between_is_made_up_for():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING")
    platform.executions.broken = RuntimeError("crash")
    with pytest.raises(RuntimeError):
        interrupted(platform, service.id)
    platform.executions.broken = None
    interrupted(platform, service.id)
    assert platform.services.get(service.id).execution.endswith("-a2")


def test_what_a_failed_start_has_left_is_cleared_away_first():
    platform = a_platform()
    service, _ = deployed(platform, "STARTING")
    platform.endpoints.known[service.id] = EndpointState("Failed")
    interrupted(platform, service.id)
    assert platform.endpoints.known == {}


def test_a_deadline_that_passed_meanwhile_ends_the_service_at_once():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING", stops_at=text_of(platform.now()))
    platform.endpoints.known[service.id] = EndpointState("InService")
    assert interrupted(platform, service.id) == "STOPPED"
    assert platform.services.get(service.id).stop_reason == "deadline"
    assert platform.endpoints.known == {}


def test_an_old_execution_says_nothing_about_the_present_one():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING", attempt=3, execution="arn")
    assert interrupted(platform, service.id, attempt=1) is None
    assert record_failure(platform, Execution("service", service.id, 2), {"code": "x", "message": "m", "hint": ""}) is None
    assert platform.services.get(service.id).status == "RUNNING"


def test_a_stopped_service_of_tables_loses_its_plan():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING", serving="tables")
    platform.recall_tables.write(service.id, "plan", [("*", "{}")], 10**10)
    assert interrupted(platform, service.id) == "STOPPED"


# ---- sweep ---------------------------------------------------------------------------------------------------------
def test_an_endpoint_whose_service_is_over_is_removed_and_a_strangers_stays():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPED")
    platform.endpoints.known = {service.id: EndpointState("InService"), "service-of-another-stack": EndpointState("InService")}
    assert len(sweep_services(platform)) == 1
    assert list(platform.endpoints.known) == ["service-of-another-stack"]


def test_a_service_whose_execution_died_without_a_word_is_taken_over():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING", execution="arn:dead", stop_token="s")
    platform.endpoints.known[service.id] = EndpointState("InService")
    platform.executions.dead.add("arn:dead")
    assert sweep_services(platform) == [], "it may be somebody's work in progress"
    platform.pass_time(LEFT_ALONE_S + 1)
    assert len(sweep_services(platform)) == 1
    assert platform.services.get(service.id).attempt == 2


def test_a_service_whose_endpoint_was_deleted_says_so():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING", stop_token="s")
    platform.pass_time(LEFT_ALONE_S + 1)
    sweep_services(platform)
    found = platform.services.get(service.id)
    assert (found.status, found.error["code"]) == ("FAILED", "service.endpoint_gone")
    assert platform.executions.answers == [("succeed", "s")]


def test_what_is_over_is_not_looked_at_for_ever():
    platform = a_platform()
    deployed(platform, "STOPPED")
    platform.live_services.put(LiveService("service-never-made", text_of(platform.now())))
    platform.pass_time(LEFT_ALONE_S + 1)
    assert sweep_services(platform) == []
    assert platform.live_services.known == {}


def test_a_stop_that_came_before_the_first_execution_is_carried_out():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING", execution=None)
    platform.pass_time(LEFT_ALONE_S + 1)
    sweep_services(platform)
    assert platform.services.get(service.id).status == "STOPPED"
