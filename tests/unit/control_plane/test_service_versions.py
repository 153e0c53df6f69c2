"""Versions of a service, canaries, and tokens that are rotated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.service_version import Traffic, updates_of, verdict
from chalicelib.ports import EndpointState
from chalicelib.service import update_plan
from chalicelib.service.identifying import identify
from chalicelib.service.rotation import rotate_token
from chalicelib.service.services import plan_deployment
from chalicelib.service.settling import Execution, record_failure, settle_ended_execution
from chalicelib.service.update_plan import plan_update
from chalicelib.service.update_waiting import await_update, look_at_update
from chalicelib.service.versions import VersionOrder, add_version, change_traffic
from droplearn.contracts.errors import Conflict, InvalidRequest, TransientError, Unauthenticated
from tests.unit.control_plane.test_services import deployed
from tests.unit.control_plane.things import a_model, a_platform

NEW = "model-" + "1" * 26
CANARY = {"share": 0.1, "duration_s": 100, "max_error_rate": 0.05, "max_latency_ms": None}
PROBLEM = {"code": "x.y", "message": "m", "hint": ""}


def running(platform, **fields):
    service, secret = deployed(platform, "RUNNING", **fields)
    a_model(platform, id=NEW, number=2)
    return service, secret


def weights(platform, service):
    return platform.services.get(service.id).weights


def test_a_version_replaces_the_old_one_when_its_endpoint_has_moved():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, by="token-me"))
    assert platform.executions.started[-1] == ("update", f"{update.id}-a1", {"update_id": update.id})
    plan = plan_update(platform, update.id)
    assert (plan["next"], plan["model_name"], plan["config_name"]) == ("create", f"{service.id}-v2", f"{service.id}-c1")
    assert [(v["VariantName"], v["InitialVariantWeight"]) for v in plan["variants"]] == [("v2", 1.0)]
    assert weights(platform, service) == {"v1": 1.0}, "not before the endpoint has moved"
    assert plan_update(platform, update.id)["next"] == "end"
    now = platform.services.get(service.id)
    assert (now.weights, now.model, now.config, now.updating) == ({"v2": 1.0}, NEW, f"{service.id}-c1", None)
    told = platform.service_updates.page(updates_of(service.id), 10).items[-1]
    assert (told.outcome, told.by, told.what["model"]) == ("done", "token-me", NEW)
    assert plan_deployment(platform, service.id)["variants"][0]["VariantName"] == "v2"


def test_a_share_of_the_traffic_leaves_the_old_version_the_rest_and_can_be_changed():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.25))
    assert [v["InitialVariantWeight"] for v in plan_update(platform, update.id)["variants"]] == [0.75, 0.25]
    plan_update(platform, update.id)
    moved = change_traffic(platform, service.id, {"v1": 1, "v2": 3})
    plan = plan_update(platform, moved.id)
    assert plan["next"] == "weigh"
    assert plan["weights"] == [{"VariantName": "v1", "DesiredWeight": 0.25}, {"VariantName": "v2", "DesiredWeight": 0.75}]
    plan_update(platform, moved.id)
    alone = change_traffic(platform, service.id, {"v2": 1})
    plan = plan_update(platform, alone.id)
    assert (plan["next"], [v["VariantName"] for v in plan["variants"]]) == ("apply", ["v2"])
    plan_update(platform, alone.id)
    assert weights(platform, service) == {"v2": 1.0}


def asked_twice(platform, update, entered, error=None):
    """The state's first reply is lost; the second must say the same."""
    first = plan_update(platform, update.id, error, entered)
    platform.pass_time(1)
    second = plan_update(platform, update.id, error, entered)
    assert first["next"] == second["next"]
    return second


@pytest.mark.parametrize("is_good", [True, False])
def test_a_reply_that_was_lost_is_given_again_in_every_phase(is_good):
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY))
    assert asked_twice(platform, update, "t1")["next"] == "create"
    assert weights(platform, service) == {"v1": 1.0}, "nothing was created yet"
    assert asked_twice(platform, update, "t2")["next"] == "watch"
    assert weights(platform, service) == {"v1": 0.9, "v2": 0.1}
    platform.pass_time(101)
    platform.service_metrics.counted = {"v2": Traffic(100, 0 if is_good else 50)}
    assert asked_twice(platform, update, "t3")["next"] == ("apply" if is_good else "weigh")
    assert weights(platform, service) == {"v1": 0.9, "v2": 0.1}
    if not is_good:
        assert asked_twice(platform, update, "t4")["next"] == "switch"
    assert asked_twice(platform, update, "t5")["next"] == "end"
    assert weights(platform, service) == ({"v2": 1.0} if is_good else {"v1": 1.0})


def test_an_error_whose_reply_was_lost_still_takes_the_canary_back():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY))
    for entered in ("t1", "t2"):
        plan_update(platform, update.id, None, entered)
    assert asked_twice(platform, update, "t3", PROBLEM)["next"] == "switch"
    assert asked_twice(platform, update, "t4")["next"] == "end"
    assert platform.service_updates.get(update.id).outcome == "failed"
    assert weights(platform, service) == {"v1": 1.0}


@pytest.mark.parametrize("lost_at", ["put", "add", "start"])
def test_a_request_that_is_cut_off_before_its_update_began_does_not_hold_the_service_for_ever(monkeypatch, lost_at):
    platform = a_platform()
    service, _ = running(platform)
    with monkeypatch.context() as patched:
        port = {"put": platform.service_versions, "add": platform.service_updates, "start": platform.executions}[lost_at]
        patched.setattr(port, lost_at, lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add_version(platform, service.id, VersionOrder(NEW))
    with pytest.raises(Conflict, match="is being changed"):
        add_version(platform, service.id, VersionOrder(NEW))
    platform.pass_time(61)
    if lost_at == "start":
        with pytest.raises(Conflict) as found:
            add_version(platform, service.id, VersionOrder(NEW))
        plan_update(platform, found.value.details["update"])
        plan_update(platform, found.value.details["update"])
        assert (weights(platform, service), platform.executions.started[-1][0]) == ({"v2": 1.0}, "update")
    add_version(platform, service.id, VersionOrder(NEW))


def test_a_request_that_is_cut_off_before_the_first_version_is_kept_has_taken_nothing(monkeypatch):
    platform = a_platform()
    service, _ = running(platform)
    with monkeypatch.context() as patched:
        patched.setattr(platform.service_versions, "add", lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add_version(platform, service.id, VersionOrder(NEW))
    plan_update(platform, add_version(platform, service.id, VersionOrder(NEW)).id)
    assert platform.service_versions.get(f"{service.id}/1").model == service.model


def throttled(*_given):
    raise TransientError("aws.throttled", "Slowly.")


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_update_that_is_cut_off_at_its_end_leaves_the_service_free_for_the_next(monkeypatch, is_lost):
    platform = a_platform()
    service, _ = running(platform, autoscaling={"min_instances": 1, "max_instances": 2, "invocations_per_instance": 10})
    update = change_traffic(platform, service.id, {"v1": 1})
    assert plan_update(platform, update.id)["next"] == "weigh"
    with monkeypatch.context() as patched:
        patched.setattr(update_plan, "set_autoscaling", throttled)
        patched.setattr(update_plan, "_take_over", lambda *_given: True)
        with pytest.raises(TransientError):
            plan_update(platform, update.id)
    if is_lost:
        assert record_failure(platform, Execution("update", update.id, 1), PROBLEM) is None
    else:
        assert plan_update(platform, update.id)["next"] == "end"
    assert platform.service_updates.get(update.id).outcome == "done"
    assert platform.services.get(service.id).updating is None


def canary_of(platform, **changes):
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY | changes))
    plan_update(platform, update.id)
    assert plan_update(platform, update.id) == {"service_id": service.id, "next": "watch", "wait_s": 10}
    assert weights(platform, service) == {"v1": 0.9, "v2": 0.1}
    return service, update


def test_a_canary_without_a_fault_gets_all_the_traffic_when_its_time_is_over():
    platform = a_platform()
    service, update = canary_of(platform)
    platform.service_metrics.counted = {"v2": Traffic(100, 1, 0, 10.0), "v1": Traffic(900, 0, 0, 10.0)}
    platform.pass_time(50)
    assert plan_update(platform, update.id)["next"] == "watch"
    platform.pass_time(50)
    assert plan_update(platform, update.id)["next"] == "apply"
    assert plan_update(platform, update.id)["next"] == "end"
    assert weights(platform, service) == {"v2": 1.0}
    assert platform.service_updates.get(update.id).outcome == "done"


@pytest.mark.parametrize("new", [Traffic(20, 2, 0, 10.0), Traffic(100, 0, 0, 45.0)])
def test_a_canary_with_errors_or_a_slow_one_loses_its_traffic_at_once_and_is_rolled_back(new):
    platform = a_platform()
    service, update = canary_of(platform)
    platform.service_metrics.counted = {"v2": new, "v1": Traffic(900, 0, 0, 10.0)}
    platform.pass_time(10)
    plan = plan_update(platform, update.id)
    assert plan["next"] == "weigh"
    assert {"VariantName": "v2", "DesiredWeight": 0} in plan["weights"]
    plan = plan_update(platform, update.id)
    assert (plan["next"], plan["config_name"]) == ("switch", service.id)
    assert plan_update(platform, update.id)["next"] == "end"
    told = platform.service_updates.get(update.id)
    assert told.outcome == "rolled_back"
    assert told.message.startswith("Rolled back: ")
    assert weights(platform, service) == {"v1": 1.0}


@pytest.mark.parametrize(
    ("new", "old", "limit", "is_bad"),
    [
        (Traffic(), Traffic(), None, False),
        (Traffic(19, 0, 5, 500.0), Traffic(900, 0, 0, 10.0), None, False),
        (Traffic(5, 0, 0, 30.0), Traffic(), 20.0, True),
        (Traffic(1, 1), Traffic(), None, True),
    ],
)
def test_a_verdict_needs_enough_answers_and_callers_own_errors_do_not_count(new, old, limit, is_bad):
    assert (verdict(new, old, CANARY | {"max_latency_ms": limit}) is not None) == is_bad


def test_an_update_that_fails_leaves_the_service_as_it_was():
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW))
    plan_update(platform, update.id)
    assert plan_update(platform, update.id, PROBLEM)["next"] == "end"
    told, now = platform.service_updates.get(update.id), platform.services.get(service.id)
    assert (told.outcome, told.error, now.weights, now.updating) == ("failed", PROBLEM, {"v1": 1.0}, None)


def test_a_canary_that_cannot_be_promoted_is_taken_back_and_says_so():
    platform = a_platform()
    service, update = canary_of(platform)
    platform.pass_time(100)
    plan_update(platform, update.id)
    assert plan_update(platform, update.id, PROBLEM)["next"] == "switch"
    assert plan_update(platform, update.id)["next"] == "end"
    assert (platform.service_updates.get(update.id).outcome, weights(platform, service)) == ("failed", {"v1": 1.0})
    assert plan_update(platform, update.id)["next"] == "end", "also when asked again"


def test_one_change_at_a_time():
    platform = a_platform()
    service, _ = running(platform)
    add_version(platform, service.id, VersionOrder(NEW))
    with pytest.raises(Conflict, match=r"service\.updating"):
        add_version(platform, service.id, VersionOrder(NEW))


def test_what_cannot_be_changed_says_why():
    platform = a_platform()
    service, _ = running(platform)
    with pytest.raises(InvalidRequest, match=r"service\.unknown_version"):
        change_traffic(platform, service.id, {"v7": 1})
    with pytest.raises(InvalidRequest, match=r"service\.no_traffic"):
        change_traffic(platform, service.id, {"v1": 0})
    platform.services.put(replace(service, status="STARTING"))
    with pytest.raises(Conflict, match="not_running"):
        add_version(platform, service.id, VersionOrder(NEW))


def test_an_execution_that_cannot_be_started_gives_the_service_free_again():
    platform = a_platform()
    service, _ = running(platform)
    platform.executions.broken = TransientError("aws.unavailable", "no")
    with pytest.raises(TransientError):
        add_version(platform, service.id, VersionOrder(NEW))
    assert platform.services.get(service.id).updating is None


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (EndpointState("Updating"), []),
        (EndpointState("InService", "", "new"), [("succeed", "t")]),
        (EndpointState("InService", "no capacity", "old"), [("fail UpdateFailed", "t")]),
        (EndpointState("Failed"), [("fail UpdateFailed", "t")]),
        (None, [("fail UpdateFailed", "t")]),
    ],
)
def test_the_endpoint_tells_what_became_of_an_update(state, answer):
    platform = a_platform()
    service, _ = running(platform)
    update = add_version(platform, service.id, VersionOrder(NEW))
    plan_update(platform, update.id)
    if state is not None:
        new = platform.service_updates.get(update.id).config
        platform.endpoints.known[service.id] = replace(state, config=new if state.config == "new" else state.config)
    await_update(platform, update.id, "t")
    assert platform.executions.answers == answer


def test_an_interrupted_update_shows_what_the_endpoint_does():
    platform = a_platform()
    service, update = canary_of(platform)
    platform.endpoints.known[service.id] = EndpointState("InService", "", "c", {"v1": 0.5, "v2": 0.5})
    assert settle_ended_execution(platform, Execution("update", update.id, 1), "ABORTED") == "failed"
    assert record_failure(platform, Execution("update", update.id, 1), PROBLEM) is None
    now = platform.services.get(service.id)
    assert (now.weights, now.config, now.updating) == ({"v1": 0.5, "v2": 0.5}, "c", None)
    look_at_update(platform, service.id)
    look_at_update(platform, "service-unknown")


def test_a_service_that_ends_meanwhile_ends_its_update():
    platform = a_platform()
    service, update = canary_of(platform)
    platform.services.change(service.id, {"status": "STOPPING"})
    assert plan_update(platform, update.id)["next"] == "end"
    assert platform.service_updates.get(update.id).outcome == "failed"


# ---- tokens --------------------------------------------------------------------------------------------------------
def test_a_rotated_token_ends_at_once_and_the_new_one_is_good():
    platform = a_platform()
    service, old = running(platform)
    rotated = rotate_token(platform, service.id, 0)
    assert identify(platform, rotated.secret).service == service.id
    with pytest.raises(Unauthenticated):
        identify(platform, old)


def test_with_a_grace_both_are_good_for_a_while():
    platform = a_platform()
    service, old = running(platform)
    rotated = rotate_token(platform, service.id, 60, by="token-me")
    identify(platform, old)
    platform.pass_time(60)
    identify(platform, rotated.secret)
    with pytest.raises(Unauthenticated):
        identify(platform, old)
    assert [u.kind for u in platform.service_updates.page(updates_of(service.id), 10).items] == ["token"]


def test_a_service_that_is_over_gets_no_new_token():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPED")
    with pytest.raises(Conflict, match=r"service\.over"):
        rotate_token(platform, service.id, 0)
