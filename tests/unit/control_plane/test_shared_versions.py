"""Versions of a service that share its instances: what lies where, what SageMaker is asked for, and canaries."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.service_version import Traffic
from chalicelib.ports import EndpointState
from chalicelib.service.services import plan_deployment
from chalicelib.service.settling import Execution, settle_ended_execution
from chalicelib.service.update_plan import plan_update
from chalicelib.service.versions import VersionOrder, add_version, change_traffic
from chalicelib.settings import Settings
from droplearn.contracts.errors import InvalidRequest
from tests.unit.control_plane.test_service_versions import CANARY, NEW, PROBLEM, running, weights
from tests.unit.control_plane.things import a_model, a_platform


def shared(platform, **fields):
    """A service whose models have archives."""
    service, _ = running(platform, placement="shared", **fields)
    for model in (service.model, NEW):
        uri = platform.artifacts.uri(f"tasks/{model}/output/model.tar.gz")
        platform.models.change(model, {"artifact_uri": uri})
        platform.artifacts.objects[f"tasks/{model}/output/model.tar.gz"] = model.encode()
    return platform.services.get(service.id)


def laid_out(platform, plan):
    prefix = plan["model_prefix"].removeprefix("s3://artifacts/")
    found = {key.removeprefix(prefix): body for key, body in platform.artifacts.objects.items() if key.startswith(prefix)}
    return {v["name"]: (v["weight"], found[f"{v['folder']}/model.tar.gz"].decode()) for v in json.loads(found["versions.json"])["versions"]}


def test_it_starts_as_any_other_service_with_a_variant_that_is_none_of_its_versions():
    platform = a_platform()
    plan = plan_deployment(platform, shared(platform).id)
    assert (plan["variants"][0]["VariantName"], plan["environment"]["SERVER_VERSION"]) == ("shared", "v1")


def test_a_second_version_comes_beside_the_first_on_the_same_instances():
    platform = a_platform()
    service = shared(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.25))
    plan = plan_update(platform, update.id)
    assert (plan["next"], plan["model_name"], plan["config_name"]) == ("create_shared", f"{service.id}-c1", f"{service.id}-c1")
    assert (plan["version"], plan["summary_s"]) == ("v2", "60"), "without v2 the new servers are not to start"
    assert laid_out(platform, plan) == {"v1": (0.75, service.model), "v2": (0.25, NEW)}
    assert [(v["VariantName"], v["ModelName"], v["InitialInstanceCount"]) for v in plan["variants"]] == [("shared", f"{service.id}-c1", 1)]
    assert plan_update(platform, update.id)["next"] == "end"
    now = platform.services.get(service.id)
    assert (now.weights, now.instances, now.variants) == ({"v1": 0.75, "v2": 0.25}, {service.instance_type: 1}, ["shared"])


def test_traffic_moves_by_a_new_configuration_and_a_share_of_none_keeps_a_version_for_those_who_name_it():
    platform = a_platform()
    service = shared(platform)
    plan_update(platform, add_version(platform, service.id, VersionOrder(NEW, share=0.5)).id)
    plan_update(platform, platform.services.get(service.id).updating)
    moved = change_traffic(platform, service.id, {"v1": 1, "v2": 0})
    plan = plan_update(platform, moved.id)
    assert (plan["next"], plan["config_name"], plan["version"]) == ("create_shared", f"{service.id}-c2", "v1")
    assert laid_out(platform, plan) == {"v1": (1.0, service.model), "v2": (0.0, NEW)}
    plan_update(platform, moved.id)
    assert weights(platform, service) == {"v1": 1.0, "v2": 0.0}


def test_a_canary_is_promoted_alone_or_taken_back_to_the_old_configuration_at_once():
    for counted, ending, left in (
        ({"v2": Traffic(100, 0, 0, 10.0), "v1": Traffic(900, 0, 0, 10.0)}, "create_shared", {"v2": 1.0}),
        ({"v2": Traffic(100, 50, 0, 10.0), "v1": Traffic(900, 0, 0, 10.0)}, "switch", {"v1": 1.0}),
    ):
        platform = a_platform()
        service = shared(platform)
        update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY))
        assert plan_update(platform, update.id)["summary_s"] == "10"
        assert plan_update(platform, update.id)["next"] == "watch"
        platform.service_metrics.counted = counted
        platform.pass_time(100)
        plan = plan_update(platform, update.id)
        assert plan["next"] == ending
        if ending == "switch":
            assert plan["config_name"] == service.id
        assert plan_update(platform, update.id)["next"] == "end"
        assert weights(platform, service) == left


def test_a_canary_that_cannot_be_promoted_is_taken_back():
    platform = a_platform()
    service = shared(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, canary=CANARY))
    plan_update(platform, update.id)
    plan_update(platform, update.id)
    assert plan_update(platform, update.id, PROBLEM)["next"] == "switch"
    assert plan_update(platform, update.id)["next"] == "end"
    assert (platform.service_updates.get(update.id).outcome, weights(platform, service)) == ("failed", {"v1": 1.0})


@pytest.mark.parametrize(("config", "left"), [("-c1", {"v1": 0.5, "v2": 0.5}), ("", {"v1": 1.0})])
def test_an_interrupted_update_shows_what_the_configuration_of_the_endpoint_says(config, left):
    platform = a_platform()
    service = shared(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.5))
    plan_update(platform, update.id)
    platform.endpoints.known[service.id] = EndpointState("InService", "", service.id + config, {"shared": 1.0})
    settle_ended_execution(platform, Execution("update", update.id, 1), "ABORTED")
    assert weights(platform, service) == left


def test_a_version_cannot_ask_for_instances_of_its_own():
    platform = a_platform()
    service = shared(platform)
    with pytest.raises(InvalidRequest, match=r"service\.shared_instances"):
        add_version(platform, service.id, VersionOrder(NEW, instance_count=2))


def test_what_was_optimised_is_copied_as_its_variant():
    platform = a_platform()
    service = shared(platform)
    platform.artifacts.objects["tasks/t/int8.tar.gz"] = b"small"
    variants = [{"name": "int8", "is_published": True, "reason": "", "artifact_uri": platform.artifacts.uri("tasks/t/int8.tar.gz")}]
    model = a_model(platform, id="model-" + "2" * 26, number=3, optimisation={"variants": variants})
    plan = plan_update(platform, add_version(platform, service.id, VersionOrder(model.id, variant="int8")).id)
    assert laid_out(platform, plan) == {"v2": (1.0, "small")}


def test_instances_are_scaled_and_in_the_vpc_as_those_of_any_other_service():
    platform = a_platform()
    platform.settings = Settings({"VPC_SUBNETS": "subnet-1", "VPC_SECURITY_GROUPS": "sg-1"})
    scaling = {"min_instances": 1, "max_instances": 4, "invocations_per_minute": 600.0}
    service = shared(platform, network="vpc", autoscaling=scaling)
    platform.endpoints.known[service.id] = EndpointState("InService", "", service.id, {"shared": 1.0}, {"shared": 3})
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.5))
    plan = plan_update(platform, update.id)
    assert (plan["next"], plan["vpc"]) == ("create_shared_in_vpc", {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
    assert [v["InitialInstanceCount"] for v in plan["variants"]] == [3]
    plan_update(platform, update.id)
    assert platform.autoscaling.known == {(service.id, "shared"): scaling}
