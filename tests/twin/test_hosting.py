"""Services with a range of instances, serverless and in a VPC; and one that nobody uses ends by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from benchmarks.serving.zero_lost import swap
from chalicelib.domain.times import moment_of
from droplearn.contracts.status import ServiceStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World

RANGE = {"min_instances": 1, "max_instances": 3, "invocations_per_minute": 600}
IDLE_S = 10
"""The least there is."""
LATE_S = 60
"""Seconds on a busy machine; AWS' own schedule would come by every ten minutes."""


@pytest.fixture(scope="module")
def scaled(world: World, learnt: Learnt) -> dict[str, Any]:
    """Nobody asks it anything."""
    return world.deploy(learnt.project, learnt.model, autoscaling=RANGE)


def targets(root: Any, service: dict[str, Any]) -> list[dict[str, Any]]:
    found = root("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return [target for target in found if target["ResourceId"].startswith(f"endpoint/{service['id']}/")]


def events(world: World, service: dict[str, Any]) -> list[dict[str, Any]]:
    return list(world.client.pages(f"/v1/services/{service['id']}/events", "events", limit=2))[::-1]


def test_a_range_of_instances_is_registered_when_the_service_runs_and_moves_to_its_new_version(
    world: World, root: Any, learnt: Learnt, scaled: dict[str, Any]
):
    assert scaled["autoscaling"] == RANGE
    (target,) = targets(root, scaled)
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (f"endpoint/{scaled['id']}/variant/v1", 1, 3)
    policies = root("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    (policy,) = policies["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600
    assert swap(world, scaled["id"], learnt.model)["outcome"] == "done"
    assert [target["ResourceId"] for target in targets(root, scaled)] == [f"endpoint/{scaled['id']}/variant/v2"]


def test_a_serverless_service_answers_changes_its_version_and_tells_what_happened(world: World, learnt: Learnt):
    order = {"model": learnt.model, "serverless": {"memory_mb": 2048}}
    cost = world.call("POST", f"/v1/projects/{learnt.project}/services/estimate", order)
    assert cost["serverless"]["usd_per_1000_requests"] > 0 == cost["most"]["instances"]
    service = world.deploy(learnt.project, learnt.model, serverless={"memory_mb": 2048})
    assert (service["instance_type"], service["instance_count"], service["serverless"]["max_concurrency"]) == (None, 0, 5)
    assert world.client.predict(service["url"], service["token"], picture("circle", 1), "image/jpeg")["success"]
    assert world.ask("POST", f"/v1/services/{service['id']}/versions", {"model": learnt.model, "share": 0.5})[0] == 409
    assert swap(world, service["id"], learnt.model)["outcome"] == "done"
    assert world.client.predict(service["url"], service["token"], picture("circle", 2), "image/jpeg")["success"]
    assert world.call("GET", f"/v1/services/{service['id']}/cost")["usd_so_far"] > 0
    world.call("POST", f"/v1/services/{service['id']}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)
    told = world.wait(lambda: events(world, service), lambda found: found[-1]["kind"] == "stopped")
    assert [event["kind"] for event in told] == ["created", "in_service", "version_published", "stop_requested", "stopped"]
    assert [event["by"] is not None for event in told] == [True, False, True, True, False]
    assert len({event["by"] for event in told}) == 2, "one caller, and nobody"


def test_a_stack_without_a_vpc_refuses_a_service_in_it(world: World, learnt: Learnt):
    status, body = world.ask("POST", f"/v1/projects/{learnt.project}/services", {"model": learnt.model, "network": "vpc"})
    assert (status, body["error"]["code"]) == (409, "service.no_vpc")


def test_a_service_that_nobody_uses_ends_within_seconds_of_its_time_and_its_range_goes_too(world: World, root: Any, scaled: dict[str, Any]):
    asked = world.call("PATCH", f"/v1/services/{scaled['id']}", {"idle_timeout_s": IDLE_S})
    over = world.wait_service(scaled["id"], ServiceStatus.STOPPED)
    assert over["stop_reason"] == "idle"
    idle_at = moment_of(over["running_since"]) + timedelta(seconds=IDLE_S)
    assert moment_of(over["ended_at"]) >= idle_at
    late_s = (moment_of(over["ended_at"]) - max(idle_at, moment_of(asked["updated_at"]))).total_seconds()
    assert late_s < LATE_S
    assert targets(root, scaled) == []
    told = world.wait(lambda: events(world, scaled), lambda found: found[-1]["kind"] == "stopped")
    assert [event["kind"] for event in told] == ["created", "in_service", "version_published", "time_changed", "idle_ended", "stopped"]
