"""How long a service goes on: deadline and idleness, extended and cut while it runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.service import MAX_RUNTIME_S
from chalicelib.domain.times import moment_of, text_of
from chalicelib.service.identifying import identify
from chalicelib.service.loading_tables import to_load
from chalicelib.service.serving_time import IDLE_ROUNDS, MAX_CHANGES, TimeOrder, change_time, plan_serving
from droplearn.contracts.errors import Conflict, InvalidRequest
from tests.unit.control_plane.test_services import deployed
from tests.unit.control_plane.things import a_platform

ROWS_EXPIRE = 10**11


def running(platform, **fields):
    """A test service that has begun to run now; ServeUntilStopped waits with the token `stop`."""
    service, secret = deployed(platform, **({"idle_timeout_s": None} | fields))
    plan_serving(platform, service.id, ROWS_EXPIRE, 0)
    platform.services.change(service.id, {"status": "RUNNING", "stop_token": "stop"})
    return platform.services.get(service.id), secret


def plan(platform, service, rounds=0):
    return plan_serving(platform, service.id, ROWS_EXPIRE, rounds)


def test_the_clock_starts_when_the_service_runs_and_not_when_it_was_ordered():
    platform = a_platform()
    service, _ = deployed(platform, idle_timeout_s=None)
    platform.pass_time(600)
    assert plan(platform, service) == {"next": "serve", "wait_s": 3600, "revision": "0", "rounds": 1}
    assert platform.services.get(service.id).stops_at == text_of(platform.now() + timedelta(seconds=3600))


def test_a_deadline_that_is_reached_ends_the_service():
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(3600)
    assert plan(platform, service) == {"next": "end", "reason": "deadline", "revision": "0", "rounds": 1}


@pytest.mark.parametrize(("order", "wait_s"), [(TimeOrder(max_runtime_s=7200), 7100), (TimeOrder(max_runtime_s=130), 30)])
def test_an_extension_or_a_cut_wakes_what_waits_and_is_planned_with(order, wait_s):
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(100)
    changed = change_time(platform, service.id, order)
    assert changed.max_runtime_s == order.max_runtime_s
    assert platform.executions.answers == [("succeed", "stop")]
    assert plan(platform, service) == {"next": "serve", "wait_s": wait_s, "revision": "1", "rounds": 1}


def test_a_cut_into_the_past_ends_it_now():
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(100)
    change_time(platform, service.id, TimeOrder(stops_at=platform.now() - timedelta(seconds=50)))
    assert plan(platform, service)["reason"] == "deadline"


def test_a_cut_into_the_past_stops_a_service_that_still_starts():
    platform = a_platform()
    service, _ = deployed(platform, start_token="start")
    stopped = change_time(platform, service.id, TimeOrder(stops_at=platform.now()))
    assert (stopped.status, stopped.stop_reason) == ("STOPPING", "deadline")
    assert platform.executions.answers == [("fail ServiceStopped", "start")]


def test_a_deadline_that_is_set_before_the_service_runs_holds():
    platform = a_platform()
    service, _ = deployed(platform, idle_timeout_s=None)
    change_time(platform, service.id, TimeOrder(stops_at=platform.now() + timedelta(seconds=90)))
    platform.pass_time(30)
    assert plan(platform, service)["wait_s"] == 60


def test_the_token_lives_as_long_as_the_service_is_extended():
    platform = a_platform()
    service, secret = running(platform)
    change_time(platform, service.id, TimeOrder(max_runtime_s=20 * 86400))
    platform.pass_time(20 * 86400)
    identify(platform, secret)


def test_the_token_also_lives_on_when_the_service_was_extended_before_it_ran():
    platform = a_platform()
    service, secret = deployed(platform, idle_timeout_s=None)
    change_time(platform, service.id, TimeOrder(max_runtime_s=20 * 86400))
    plan(platform, service)
    platform.pass_time(20 * 86400)
    identify(platform, secret)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (TimeOrder(), "service.no_change"),
        (TimeOrder(max_runtime_s=60, stops_at=moment_of("2026-01-02T00:00:00Z")), "service.no_change"),
        (TimeOrder(max_runtime_s=31 * 86400), "service.too_long"),
        (TimeOrder(stops_at=moment_of("2026-02-01T00:00:00Z")), "service.too_long"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(order, code):
    platform = a_platform()
    service, _ = running(platform)
    with pytest.raises(InvalidRequest, match=code.replace(".", r"\.")):
        change_time(platform, service.id, order)


def test_a_service_that_is_over_or_was_changed_too_often_is_refused():
    platform = a_platform()
    service, _ = running(platform)
    platform.services.change(service.id, {"revision": MAX_CHANGES})
    with pytest.raises(Conflict, match=r"service\.too_many_changes"):
        change_time(platform, service.id, TimeOrder(max_runtime_s=60))
    platform.services.change(service.id, {"status": "STOPPED"})
    with pytest.raises(Conflict, match=r"service\.over"):
        change_time(platform, service.id, TimeOrder(max_runtime_s=60))


def test_a_service_that_nobody_uses_ends_after_its_idle_time_and_not_before():
    platform = a_platform()
    service, _ = running(platform, idle_timeout_s=100)
    assert plan(platform, service)["wait_s"] == 110, "a use of the last ten seconds may not be noted"
    platform.pass_time(60)
    platform.services.change(service.id, {"last_used_at": text_of(platform.now())})
    platform.pass_time(50)
    assert plan(platform, service)["wait_s"] == 60
    platform.pass_time(60)
    assert plan(platform, service)["reason"] == "idle"


def test_who_asks_the_endpoint_directly_keeps_the_service_alive():
    platform = a_platform()
    service, _ = running(platform, idle_timeout_s=100)
    platform.pass_time(110)
    platform.service_metrics.used_at = platform.now() - timedelta(seconds=20)
    assert plan(platform, service)["wait_s"] == 80


def test_an_idle_time_can_be_switched_on_and_off_while_it_runs():
    platform = a_platform()
    service, _ = running(platform)
    platform.pass_time(200)
    change_time(platform, service.id, TimeOrder(idle_timeout_s=60))
    assert plan(platform, service)["reason"] == "idle"
    change_time(platform, service.id, TimeOrder(idle_timeout_s=0))
    assert plan(platform, service)["wait_s"] == 3400


def test_looks_for_idleness_never_use_up_the_executions_history():
    platform = a_platform()
    service, _ = running(platform, idle_timeout_s=60, max_runtime_s=30 * 86400)
    rounds = 0
    while (found := plan(platform, service, rounds))["next"] == "serve":
        platform.pass_time(found["wait_s"])
        platform.services.change(service.id, {"last_used_at": text_of(platform.now())})
        rounds = found["rounds"]
    assert found["reason"] == "deadline"
    assert rounds <= IDLE_ROUNDS + 5


def test_rows_outlive_every_deadline_that_a_service_may_be_given():
    platform = a_platform()
    service, _ = running(platform, serving="tables")
    rows_expire = to_load(platform, service)["expires_at"]
    change_time(platform, service.id, TimeOrder(max_runtime_s=MAX_RUNTIME_S))
    assert plan_serving(platform, service.id, rows_expire, 0)["wait_s"] == MAX_RUNTIME_S
    platform.pass_time(1000)
    assert to_load(platform, platform.services.get(service.id))["expires_at"] == rows_expire, "of later versions too"


def test_a_service_that_an_earlier_release_has_loaded_ends_with_its_rows():
    platform = a_platform()
    service, _ = running(platform, serving="tables")
    rows_expire = int(platform.now().timestamp()) + 3600 + 24 * 3600
    change_time(platform, service.id, TimeOrder(max_runtime_s=MAX_RUNTIME_S))
    assert plan_serving(platform, service.id, rows_expire, 0)["wait_s"] == 3600 + 24 * 3600


@pytest.mark.parametrize("status", ["STOPPING", "STOPPED", "FAILED"])
def test_a_service_that_is_over_is_not_planned_for(status):
    platform = a_platform()
    service, _ = deployed(platform, status)
    assert plan(platform, service) == {"next": "over"}
