"""Start and stop services, and what `deploy` asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.ports import EndpointState
from chalicelib.service.identifying import identify
from chalicelib.service.services import (
    STOPPED_BY_USER,
    ServiceOrder,
    await_endpoint,
    create_service,
    look_at_endpoint,
    plan_deployment,
    remove_endpoint,
    stop_service,
)
from droplearn.contracts.errors import Conflict, TransientError, Unauthenticated
from droplearn.contracts.status import Permission
from tests.unit.control_plane.things import PROJECT, a_model, a_platform


def deployed(platform, status="STARTING", **fields):
    made = create_service(platform, ServiceOrder(project=PROJECT, model=a_model(platform).id))
    platform.services.put(replace(made.service, status=status, **fields))
    return platform.services.get(made.service.id), made.secret


def test_a_new_service_has_a_token_that_is_good_for_its_predictions_only():
    platform = a_platform()
    service, secret = deployed(platform)
    token = identify(platform, f"Bearer {secret}")
    assert token.service == service.id
    assert not token.may(Permission.PREDICT, PROJECT), "not for other services of the project"
    assert secret not in str(platform.tokens.known)


def test_a_service_gets_the_scenarios_instance_unless_one_is_named():
    platform = a_platform()
    model = a_model(platform)
    plain = create_service(platform, ServiceOrder(project=PROJECT, model=model.id)).service
    named = create_service(platform, ServiceOrder(project=PROJECT, model=model.id, instance_type="ml.g5.xlarge", instance_count=3)).service
    assert (plain.instance_type, plain.instance_count, plain.max_runtime_s) == ("ml.c5.large", 1, 3600)
    plan = plan_deployment(platform, named.id)
    (variant,) = plan["variants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"], plan["model_uri"]) == ("ml.g5.xlarge", 3, model.artifact_uri)


def test_a_double_click_deploys_once_and_shows_the_token_once():
    platform = a_platform()
    order = ServiceOrder(project=PROJECT, model=a_model(platform).id, request_key="k", caller="me")
    first, second = create_service(platform, order), create_service(platform, order)
    assert first.service.id == second.service.id
    assert second.secret is None
    assert len(platform.tokens.known) == 1


def test_a_model_is_deployed_in_its_own_project_only():
    platform = a_platform()
    with pytest.raises(Conflict, match=r"service\.wrong_project"):
        create_service(platform, ServiceOrder(project=PROJECT, model=a_model(platform, project="elsewhere").id))


def test_an_endpoint_that_is_ready_when_the_state_begins_to_wait_is_noticed():
    platform = a_platform()
    service, _ = deployed(platform)
    platform.endpoints.known[service.id] = EndpointState("InService")
    await_endpoint(platform, service.id, "start")
    assert platform.executions.answers == [("succeed", "start")]


def test_an_endpoint_that_fails_says_why():
    platform = a_platform()
    service, _ = deployed(platform, start_token="start")
    platform.endpoints.known[service.id] = EndpointState("Failed", "no space left")
    look_at_endpoint(platform, service.id)
    assert platform.executions.answers == [("fail EndpointFailed", "start")]


def test_events_of_endpoints_that_nobody_waits_for_do_no_harm():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPED", start_token="start")
    platform.endpoints.known[service.id] = EndpointState("InService")
    assert look_at_endpoint(platform, service.id) is None
    assert look_at_endpoint(platform, "service-unknown") is None
    assert platform.executions.answers == []


def test_a_running_service_is_stopped_by_its_stop_token():
    platform = a_platform()
    service, _ = deployed(platform, "RUNNING", start_token=None, stop_token="stop")
    stopping = stop_service(platform, service.id)
    assert (stopping.status, stopping.stop_reason) == ("STOPPING", "requested")
    assert platform.executions.answers == [("succeed", "stop")]


def test_a_service_that_is_stopped_while_it_starts_does_not_wait_for_its_endpoint():
    platform = a_platform()
    service, _ = deployed(platform, start_token="start")
    stop_service(platform, service.id)
    assert platform.executions.answers == [(f"fail {STOPPED_BY_USER}", "start")]


def test_a_service_that_was_stopped_before_it_waits_is_told_so():
    platform = a_platform()
    service, _ = deployed(platform)
    stop_service(platform, service.id)
    await_endpoint(platform, service.id, "start")
    assert platform.executions.answers == [(f"fail {STOPPED_BY_USER}", "start")]


@pytest.mark.parametrize("status", ["STOPPED", "FAILED"])
def test_a_service_that_is_over_stays_as_it_is(status):
    platform = a_platform()
    service, _ = deployed(platform, status)
    assert stop_service(platform, service.id).status == status


def test_removing_an_endpoint_twice_is_fine():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING")
    platform.endpoints.known[service.id] = EndpointState("InService")
    remove_endpoint(platform, service.id)
    remove_endpoint(platform, service.id)
    assert platform.endpoints.known == {}


def test_a_services_token_ends_some_days_after_its_service():
    platform = a_platform()
    _, secret = deployed(platform)
    platform.pass_time(3600 + 6 * 24 * 3600)
    identify(platform, secret)
    platform.pass_time(24 * 3600)
    with pytest.raises(Unauthenticated):
        identify(platform, secret)


def test_an_endpoint_that_is_still_there_is_removed_again_later():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING")
    platform.endpoints.known[service.id] = EndpointState("InService")
    platform.endpoints.remove = lambda *_: None
    with pytest.raises(TransientError):
        remove_endpoint(platform, service.id)


@pytest.mark.parametrize(("placement", "models"), [("dedicated", ["", "-v2", "-v3"]), ("shared", ["", "-c1"])])
def test_only_what_was_made_for_a_service_is_asked_to_go(placement, models):
    """Each version has a model; those that share a server have one together, made anew with each configuration."""
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING", placement=placement, version_count=3, config_count=1)
    remove_endpoint(platform, service.id)
    assert platform.endpoints.removed == [service.id, [service.id, f"{service.id}-c1"], [service.id + end for end in models]]
