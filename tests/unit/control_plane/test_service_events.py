"""A service's lifecycle events: each is kept once, with its time and who asked for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.service_event import events_of
from chalicelib.domain.service_version import Traffic
from chalicelib.ports import EndpointState
from chalicelib.service.loading_tables import remove_tables
from chalicelib.service.rotation import rotate_token
from chalicelib.service.services import ServiceOrder, create_service, remove_endpoint, stop_service
from chalicelib.service.serving_time import TimeOrder, change_time, plan_serving
from chalicelib.service.settling import Execution, record_failure
from chalicelib.service.sweeping import sweep_services
from chalicelib.service.update_plan import plan_update
from chalicelib.service.versions import VersionOrder, add_version, change_traffic
from droplearn.contracts.errors import TransientError
from tests.unit.control_plane.test_service_versions import CANARY, NEW, PROBLEM, running
from tests.unit.control_plane.things import PROJECT, a_model, a_platform


def told(platform, service):
    return platform.service_events.page(events_of(service.id), 100).items


def kinds(platform, service):
    return [event.kind for event in told(platform, service)]


def test_a_double_click_is_one_creation_with_its_caller():
    platform = a_platform()
    order = ServiceOrder(project=PROJECT, model=a_model(platform).id, request_key="k", caller="token-me")
    service = create_service(platform, order).service
    platform.pass_time(5)
    create_service(platform, order)
    (event,) = told(platform, service)
    assert (event.kind, event.by, event.at, event.what["model"]) == ("created", "token-me", service.created_at, order.model)


def test_a_service_that_cannot_begin_has_failed():
    platform = a_platform()
    platform.executions.broken = TransientError("aws.unavailable", "no")
    with pytest.raises(TransientError):
        create_service(platform, ServiceOrder(project=PROJECT, model=a_model(platform).id))
    (service,) = platform.services.known.values()
    assert sorted(kinds(platform, service)) == ["created", "failed"]


def test_in_service_is_told_once_however_often_the_wait_begins():
    platform = a_platform()
    service, _ = running(platform)
    for _ in range(3):
        plan_serving(platform, service.id, 0, 0)
        platform.pass_time(1)
    assert [(e.kind, e.by) for e in told(platform, service)][1:] == [("in_service", None)]


@pytest.mark.parametrize(("reason", "kind"), [("deadline", "deadline_reached"), ("idle", "idle_ended")])
@pytest.mark.parametrize("remove", [remove_endpoint, remove_tables])
def test_what_removes_the_service_tells_why_also_when_it_is_tried_again(reason, kind, remove):
    platform = a_platform()
    service, _ = running(platform)
    platform.services.change(service.id, {"status": "STOPPING", "stop_reason": reason})
    remove(platform, service.id)
    remove(platform, service.id)
    assert kinds(platform, service) == ["created", kind]


def test_a_stop_is_told_with_its_caller_and_not_told_again_by_the_removal():
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(1)
    stop_service(platform, service.id, by="token-me")
    remove_endpoint(platform, service.id)
    assert [(e.kind, e.by) for e in told(platform, service)][1:] == [("stop_requested", "token-me")]


def test_a_failure_is_told_with_its_reason_also_when_the_telling_was_interrupted():
    platform = a_platform()
    service, _ = running(platform)
    execution = Execution("service", service.id, 1)
    record_failure(platform, execution, PROBLEM)
    platform.service_events.known.clear()
    record_failure(platform, execution, PROBLEM)
    (event,) = told(platform, service)
    assert (event.kind, event.what) == ("failed", {"code": "x.y", "message": "m"})


def test_an_endpoint_that_somebody_deleted_is_told():
    platform = a_platform()
    service, _ = running(platform, execution="arn:x")
    platform.pass_time(3600)
    sweep_services(platform)
    assert kinds(platform, service) == ["created", "failed"]


def test_changes_of_time_and_token_are_told_with_their_caller():
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(1)
    change_time(platform, service.id, TimeOrder(stops_at=platform.now() + timedelta(hours=5)), "token-a")
    platform.pass_time(1)
    rotate_token(platform, service.id, 0, "token-b")
    assert [(e.kind, e.by) for e in told(platform, service)][1:] == [("time_changed", "token-a"), ("token_rotated", "token-b")]


def done(platform, update, times=2):
    for _ in range(times):
        platform.pass_time(1)
        plan_update(platform, update.id)


def test_versions_and_traffic_are_told_when_they_are_done():
    platform = a_platform()
    service, _ = running(platform)
    done(platform, add_version(platform, service.id, VersionOrder(NEW, share=0.5, by="token-a")))
    done(platform, change_traffic(platform, service.id, {"v1": 1, "v2": 3}, "token-b"))
    events = told(platform, service)[1:]
    assert [(e.kind, e.by) for e in events] == [("version_published", "token-a"), ("traffic_changed", "token-b")]
    assert (events[0].what["model"], events[0].what["version"]) == (NEW, 2)


def test_a_canary_that_is_taken_back_is_told_with_its_reason():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY))
    done(platform, update)
    platform.service_metrics.counted = {"v2": Traffic(invocations=100, errors_5xx=50)}
    done(platform, update, 3)
    event = told(platform, service)[-1]
    assert event.kind == "rolled_back"
    assert "errors" in event.what["message"]


def test_an_update_that_ended_before_it_was_told_is_told_by_the_next_try():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW))
    done(platform, update)
    platform.service_events.known.clear()
    plan_update(platform, update.id)
    assert kinds(platform, service) == ["version_published"]


def test_an_update_that_fails_is_told():
    platform = a_platform()
    service, _ = running(platform)
    platform.endpoints.known[service.id] = EndpointState("InService")
    update = add_version(platform, service.id, VersionOrder(NEW))
    platform.pass_time(1)
    plan_update(platform, update.id, PROBLEM)
    assert told(platform, service)[-1].kind == "update_failed"
