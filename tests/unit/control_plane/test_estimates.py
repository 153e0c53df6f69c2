"""What a service would cost, before it is made; and what serverless and autoscaled ones cost while they run."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.prices import prices
from chalicelib.domain.service_version import Traffic
from chalicelib.domain.times import text_of
from chalicelib.ports import EndpointState
from chalicelib.service.costing import AT_LEAST, BY_USE, cost_of
from chalicelib.service.estimating import estimate_service, estimate_task
from chalicelib.service.services import ServiceOrder
from chalicelib.service.tasks import TaskOrder
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.contracts.training import TaskSettings
from tests.unit.control_plane.test_hosting import RANGE, SMALL
from tests.unit.control_plane.test_service_versions import running
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform

TABLE = prices()
HOUR = TABLE.usd_per_hour["ml.c5.large"]


def estimate(platform, table=TABLE, **order):
    return estimate_service(platform, ServiceOrder(project=PROJECT, model=a_model(platform, **order.pop("of", {})).id, **order), table)


def test_an_estimate_tells_the_hour_and_the_whole_and_makes_nothing():
    platform = a_platform()
    found = estimate(platform, instance_count=2, max_runtime_s=7200)
    assert found["least"] == found["most"]
    assert found["least"] == {"instances": 2, "usd_per_hour": pytest.approx(2 * HOUR), "usd_until_deadline": pytest.approx(4 * HOUR)}
    assert found["prices_as_of"] == TABLE.as_of
    for kept in (platform.services, platform.tokens, platform.live_services, platform.requests, platform.service_events):
        assert not kept.known
    assert not platform.executions.started


def test_a_range_is_estimated_at_both_ends():
    found = estimate(a_platform(), autoscaling=RANGE, max_runtime_s=1800)
    assert (found["least"]["instances"], found["most"]["instances"]) == (2, 5)
    assert found["most"]["usd_until_deadline"] == pytest.approx(2.5 * HOUR)


def test_serverless_costs_by_the_second_and_nothing_by_the_hour():
    found = estimate(a_platform(), serverless=SMALL)
    assert found["least"] == {"instances": 0, "usd_per_hour": 0, "usd_until_deadline": 0}
    assert found["serverless"]["usd_per_second"] == pytest.approx(2 * 0.00002)
    assert found["serverless"]["usd_per_1000_requests"] == pytest.approx(0.004), "1,000 times 100 ms are 100 s"


def test_what_the_table_does_not_know_has_no_price():
    platform = a_platform()
    unknown = estimate(platform, instance_type="ml.x99.large")["least"]
    assert (unknown["usd_per_hour"], unknown["usd_until_deadline"]) == (None, None)
    older = prices(json.dumps({"as_of": "2024-01", "region": "eu-west-1", "source": "our bill", "usd_per_hour": {}}))
    assert estimate(platform, older, serverless=SMALL)["serverless"]["usd_per_1000_requests"] is None


def test_a_service_of_tables_has_no_instances_to_pay():
    found = estimate(a_platform(), of={"scenario": "recommendation"})
    assert (found["instance_type"], found["most"]["usd_until_deadline"]) == (None, 0)


def test_what_could_not_be_deployed_is_not_estimated():
    platform = a_platform()
    with pytest.raises(InvalidRequest, match=r"service\.hosting"):
        estimate(platform, serverless=SMALL, instance_count=1)
    with pytest.raises(Conflict, match=r"service\.wrong_project"):
        estimate(platform, of={"project": "elsewhere"})


def test_a_serverless_service_has_cost_what_its_answers_took():
    platform = a_platform()
    service, _ = running(platform, serverless=SMALL, instance_type=None, running_since=text_of(platform.now()))
    platform.service_metrics.counted = {"v1": Traffic(invocations=1000, latency_ms=50.0)}
    cost = cost_of(platform, service, TABLE)
    assert (cost["usd_per_hour"], cost["instances"], cost["note"]) == (None, {}, BY_USE)
    assert cost["usd_so_far"] == pytest.approx(1000 * 0.05 * 0.00004)


def test_an_autoscaled_service_costs_now_what_it_has_and_has_cost_at_least_its_least():
    platform = a_platform()
    service, _ = running(platform, autoscaling=RANGE, instance_count=4, running_since=text_of(platform.now()))
    platform.endpoints.known[service.id] = EndpointState("InService", instances={"v1": 5})
    platform.pass_time(3600)
    cost = cost_of(platform, service, TABLE)
    assert cost["usd_per_hour"] == pytest.approx(5 * HOUR)
    assert (cost["usd_so_far"], cost["note"]) == (pytest.approx(2 * HOUR), AT_LEAST)


def of_task(platform, **settings):
    return estimate_task(platform, TaskOrder(PROJECT, DATASET, TaskSettings(**settings)), TABLE)


def test_a_task_costs_at_the_most_its_training_and_what_comes_after_up_to_their_limits():
    platform = a_platform()
    found = of_task(platform, max_runtime_s=3000, resources={"instance_type": "ml.g5.xlarge", "instance_count": 2})
    assert found["training"]["usd_at_most"] == pytest.approx(2 * TABLE.usd_per_hour["ml.g5.xlarge"]), "10 minutes more than its own limit"
    assert found["afterwards"]["usd_at_most"] == pytest.approx(TABLE.usd_per_hour["ml.m5.xlarge"]), "an evaluation"
    assert found["usd_at_most"] == pytest.approx(found["training"]["usd_at_most"] + found["afterwards"]["usd_at_most"])
    smaller = of_task(platform, optimise={"variants": ["int8"], "max_runtime_s": 1200})
    assert smaller["afterwards"]["max_runtime_s"] == 3600 + 1200 + 600
    assert not platform.tasks.known


def test_a_task_that_could_not_be_started_is_not_estimated_and_an_unknown_type_has_no_price():
    platform = a_platform()
    with pytest.raises(InvalidRequest, match=r"option\.unknown"):
        of_task(platform, options={"nonsense": 1})
    assert of_task(platform, resources={"instance_type": "ml.x99.large"})["usd_at_most"] is None
