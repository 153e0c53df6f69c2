"""How a service is hosted: a range of instances, serverless, in the stack's VPC; what goes together, and what versions make of it."""

from __future__ import annotations

import pytest

from chalicelib.domain.hosting import ScalingRange, Serverless
from chalicelib.ports import EndpointState
from chalicelib.service.autoscaling import set_autoscaling
from chalicelib.service.services import ServiceOrder, create_service, plan_deployment, remove_endpoint
from chalicelib.service.settling import Execution, settle_ended_execution
from chalicelib.service.update_plan import plan_update
from chalicelib.service.versions import VersionOrder, add_version, change_traffic
from chalicelib.settings import Settings
from droplearn.contracts.errors import Conflict, InvalidRequest
from tests.unit.control_plane.test_service_versions import CANARY, NEW, PROBLEM, running
from tests.unit.control_plane.things import PROJECT, a_model, a_platform

RANGE = ScalingRange(min_instances=2, max_instances=5, invocations_per_minute=600)
SMALL = Serverless(memory_mb=2048, max_concurrency=10)
VPC = {"VPC_SUBNETS": "subnet-a, subnet-b", "VPC_SECURITY_GROUPS": "sg-a"}


def made(platform, **order):
    return create_service(platform, ServiceOrder(project=PROJECT, model=a_model(platform).id, **order)).service


def scaled(platform, **fields):
    service, _ = running(platform, autoscaling=RANGE, instance_count=2, **fields)
    platform.endpoints.known[service.id] = EndpointState("InService", instances={"v1": 4})
    set_autoscaling(platform, service.id)
    return service


def variants_of(platform):
    return [variant for _, variant in platform.autoscaling.known]


def test_a_range_begins_with_its_least_instances_unless_a_number_within_it_is_given():
    platform = a_platform()
    assert made(platform, autoscaling=RANGE).instance_count == 2
    service = made(platform, autoscaling=RANGE, instance_count=3)
    plan = plan_deployment(platform, service.id)
    assert (plan["variants"][0]["InitialInstanceCount"], plan["is_autoscaled"], plan["is_isolated"]) == (3, True, True)


@pytest.mark.parametrize(
    "order",
    [
        {"autoscaling": RANGE, "instance_count": 6},
        {"autoscaling": RANGE | {"min_instances": 6}},
        {"serverless": SMALL, "instance_type": "ml.m5.large"},
        {"serverless": SMALL, "instance_count": 1},
        {"serverless": SMALL, "autoscaling": RANGE},
        {"serverless": SMALL, "network": "vpc"},
        {"serverless": SMALL, "placement": "shared"},
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_made(order):
    platform = a_platform()
    platform.settings = Settings(VPC)
    with pytest.raises(InvalidRequest, match=r"service\.hosting"):
        made(platform, **order)
    assert not platform.services.known
    assert not platform.tokens.known


@pytest.mark.parametrize("order", [{"autoscaling": RANGE}, {"serverless": SMALL}, {"network": "vpc"}])
def test_a_service_of_tables_has_nothing_to_host(order):
    platform = a_platform()
    platform.settings = Settings(VPC)
    model = a_model(platform, scenario="recommendation")
    with pytest.raises(InvalidRequest, match=r"service\.hosting"):
        create_service(platform, ServiceOrder(project=PROJECT, model=model.id, **order))


def test_a_serverless_service_has_no_instances_and_one_worker():
    platform = a_platform()
    service = made(platform, serverless=SMALL)
    assert (service.instance_type, service.instance_count) == (None, 0)
    plan = plan_deployment(platform, service.id)
    assert plan["variants"] == [
        {
            "VariantName": "v1",
            "ModelName": service.id,
            "InitialVariantWeight": 1,
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 10},
        }
    ]
    assert (plan["is_isolated"], plan["environment"]) == (False, {"SERVER_WORKERS": "1", "SERVER_VERSION": "v1"})


def test_a_service_in_the_vpc_gets_the_subnets_of_the_stack():
    platform = a_platform()
    platform.settings = Settings(VPC)
    plan = plan_deployment(platform, made(platform, network="vpc").id)
    assert (plan["network"], plan["vpc"]) == ("vpc", {"Subnets": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-a"]})


def test_a_stack_without_a_vpc_says_which_parameters_it_lacks():
    with pytest.raises(Conflict, match=r"service\.no_vpc") as told:
        made(a_platform(), network="vpc")
    assert "VpcSubnets" in told.value.hint


def test_a_new_version_is_in_the_vpc_too():
    platform = a_platform()
    platform.settings = Settings(VPC)
    service, _ = running(platform, network="vpc")
    plan = plan_update(platform, add_version(platform, service.id, VersionOrder(NEW)).id)
    assert (plan["next"], plan["vpc"]["SecurityGroupIds"]) == ("create_in_vpc", ["sg-a"])


@pytest.mark.parametrize("order", [{"share": 0.5}, {"canary": CANARY}, {"instance_count": 1}, {"instance_type": "ml.m5.large"}])
def test_a_serverless_service_has_one_version_at_a_time(order):
    platform = a_platform()
    service, _ = running(platform, serverless=SMALL, instance_type=None, instance_count=0)
    with pytest.raises(Conflict, match=r"service\.serverless_one_version"):
        add_version(platform, service.id, VersionOrder(NEW, **order))
    plan = plan_update(platform, add_version(platform, service.id, VersionOrder(NEW)).id)
    assert [v["ServerlessConfig"]["MemorySizeInMB"] for v in plan["variants"]] == [2048]
    assert (plan["is_isolated"], plan["environment"]) == (False, {"SERVER_WORKERS": "1", "SERVER_VERSION": "v2"})


def test_a_new_version_begins_with_as_many_instances_as_the_old_one_has_and_is_scaled_when_it_answers():
    platform = a_platform()
    service = scaled(platform)
    update = add_version(platform, service.id, VersionOrder(NEW))
    plan = plan_update(platform, update.id)
    assert [(v["VariantName"], v["InitialInstanceCount"]) for v in plan["variants"]] == [("v2", 4)]
    assert variants_of(platform) == [], "SageMaker may refuse to change what is scaled"
    plan_update(platform, update.id)
    assert platform.autoscaling.known == {(service.id, "v2"): RANGE}


def test_moving_traffic_between_versions_leaves_both_scaled():
    platform = a_platform()
    service = scaled(platform)
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.5))
    for _ in range(2):
        plan_update(platform, update.id)
    assert variants_of(platform) == ["v1", "v2"]
    moved = change_traffic(platform, service.id, {"v1": 1, "v2": 3})
    assert plan_update(platform, moved.id)["next"] == "weigh"
    assert variants_of(platform) == ["v1", "v2"]


def test_versions_that_share_their_instances_are_scaled_as_one():
    platform = a_platform()
    platform.artifacts.write("tasks/t/output/j/output/model.tar.gz", b"archive")
    service = scaled(platform, placement="shared")
    platform.endpoints.known[service.id] = EndpointState("InService", instances={"shared": 5})
    update = add_version(platform, service.id, VersionOrder(NEW, share=0.5))
    plan = plan_update(platform, update.id)
    assert [(v["VariantName"], v["InitialInstanceCount"]) for v in plan["variants"]] == [("shared", 5)]
    assert variants_of(platform) == []
    plan_update(platform, update.id)
    assert variants_of(platform) == ["shared"]


@pytest.mark.parametrize("how", ["caught", "lost"])
def test_an_update_that_fails_leaves_the_old_version_scaled(how):
    platform = a_platform()
    service = scaled(platform)
    update = add_version(platform, service.id, VersionOrder(NEW))
    plan_update(platform, update.id)
    if how == "caught":
        plan_update(platform, update.id, PROBLEM)
    else:
        settle_ended_execution(platform, Execution("update", update.id, 1), "ABORTED")
    assert variants_of(platform) == ["v1"]


def test_autoscaling_goes_with_the_endpoint():
    platform = a_platform()
    service = scaled(platform)
    remove_endpoint(platform, service.id)
    remove_endpoint(platform, service.id)
    assert platform.autoscaling.known == {}


def test_a_service_that_is_ending_is_not_scaled_any_more():
    platform = a_platform()
    service, _ = running(platform, autoscaling=RANGE)
    platform.services.change(service.id, {"status": "STOPPING"})
    set_autoscaling(platform, service.id)
    assert platform.autoscaling.known == {}
