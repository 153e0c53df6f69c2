"""What a service costs, by a dated table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.domain.prices import instance_hours, instances_of, prices
from chalicelib.domain.times import text_of
from chalicelib.service.update_plan import plan_update
from chalicelib.service.versions import VersionOrder, add_version
from tests.unit.control_plane.test_service_versions import NEW, running
from tests.unit.control_plane.things import a_platform


def begun(platform, **fields):
    service, _ = running(platform, running_since=text_of(platform.now()), **fields)
    return service


def test_an_hour_of_two_instances_costs_two_hours():
    platform = a_platform()
    service = begun(platform, instance_count=2)
    platform.pass_time(3600)
    hours = instance_hours(service, platform.now())
    assert hours == {"ml.c5.large": 2.0}
    table = prices()
    assert table.per_hour(hours) == pytest.approx(2 * table.usd_per_hour["ml.c5.large"])
    ended = replace(service, ended_at=text_of(platform.now()))
    platform.pass_time(3600)
    assert instance_hours(ended, platform.now()) == hours


def test_a_type_that_the_table_does_not_know_has_no_price():
    platform = a_platform()
    service = begun(platform, instance_type="ml.x99.large")
    assert prices().per_hour(instances_of(service)) is None


def test_the_table_is_dated_and_can_be_replaced():
    assert prices().as_of
    assert prices().source
    own = json.dumps({"as_of": "2026-11", "region": "eu-west-1", "source": "our bill", "usd_per_hour": {"ml.x99.large": 2}})
    assert prices(own).per_hour({"ml.x99.large": 3}) == 6


def test_what_another_version_costs_counts_from_its_change():
    platform = a_platform()
    service = begun(platform)
    platform.pass_time(3600)
    update = add_version(platform, service.id, VersionOrder(NEW, instance_type="ml.m5.large"))
    plan_update(platform, update.id)
    plan_update(platform, update.id)
    platform.pass_time(1800)
    now = platform.services.get(service.id)
    assert instance_hours(now, platform.now()) == pytest.approx({"ml.c5.large": 1.0, "ml.m5.large": 0.5})
    assert instances_of(now) == {"ml.m5.large": 1}


def test_a_service_of_tables_has_no_instances():
    platform = a_platform()
    service = begun(platform, serving="tables")
    platform.pass_time(3600)
    assert instance_hours(service, platform.now()) == {}
    assert prices().per_hour({}) == 0
