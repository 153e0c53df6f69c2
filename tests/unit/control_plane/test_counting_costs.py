"""What of a project costs something this month, as its records tell it: what no list shows, what is gone, and in how many requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.prices import prices
from chalicelib.domain.service_version import Traffic
from chalicelib.domain.times import text_of
from chalicelib.service.budgets import Ask, admit, set_budget, show_budget
from chalicelib.service.evaluations import create_evaluation
from tests.fakes import FakePlatform, FakeRecords
from tests.unit.control_plane.test_budgets import SERVED_ON, TABLE, TRAINED_ON, a_running_service, refused, with_budget
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform


def evaluated(platform: FakePlatform, count: int) -> str:
    """So many evaluations of a quarter of an hour, some time ago. Returns their model."""
    model = a_model(platform, dataset="elsewhere").id
    made = [create_evaluation(platform, model, PROJECT, DATASET).id for _ in range(count)]
    platform.pass_time(900)
    for id_ in made:
        platform.evaluations.change(id_, {"status": "SUCCEEDED", "ended_at": text_of(platform.now())})
    platform.pass_time(3600)
    return model


def test_an_evaluation_is_guarded_and_found_again():
    platform = with_budget(TABLE[TRAINED_ON] * 1.5)
    model = a_model(platform, dataset="elsewhere")
    made = create_evaluation(platform, model.id, PROJECT, DATASET)
    refused(create_evaluation, platform, model.id, PROJECT, DATASET)
    platform.pass_time(900)
    platform.evaluations.change(made.id, {"status": "SUCCEEDED", "ended_at": text_of(platform.now())})
    platform.pass_time(3600)
    assert show_budget(platform, PROJECT)["spent_usd"] == pytest.approx(TABLE[TRAINED_ON] / 4)


def test_evaluations_are_read_in_one_request_however_many(monkeypatch: pytest.MonkeyPatch):
    platform = with_budget(100)
    evaluated(platform, 20)
    asked: list[tuple[str, int]] = []
    get_many = FakeRecords.get_many

    def counted(records, keys):
        asked.append((records.record_type.KIND, len(list(keys))))
        return get_many(records, keys)

    monkeypatch.setattr(FakeRecords, "get_many", counted)
    assert show_budget(platform, PROJECT)["spent_usd"] == pytest.approx(20 * TABLE[TRAINED_ON] / 4)
    assert asked == [("EVALUATION", 20), ("MODEL", 1)]


def test_an_evaluation_of_a_model_that_is_gone_has_cost_what_it_has_cost():
    platform = with_budget(100)
    platform.models.remove(evaluated(platform, 1))
    assert show_budget(platform, PROJECT)["spent_usd"] == pytest.approx(TABLE[TRAINED_ON] / 4)


def test_what_was_admitted_for_something_that_is_known_is_shown_with_it():
    platform = a_platform()
    service = a_running_service(platform)
    set_budget(platform, PROJECT, 10, "token-1")
    admit(platform, PROJECT, Ask(service.id, {SERVED_ON: 2.0}, "revision", service.revision + 1))
    (row,) = show_budget(platform, PROJECT)["costliest"]
    assert (row["id"], row["reserved_usd"]) == (service.id, pytest.approx(3 * TABLE[SERVED_ON]))


def test_serverless_services_that_have_run_this_month_are_asked_for_in_one_request():
    platform = a_platform()
    small: dict[str, Any] = {"serverless": {"memory_mb": 2048, "max_concurrency": 5}, "instance_type": None}
    live = a_running_service(platform, **small)
    last_year = "2025-12-31T20:00:00.000Z"
    others = {"over": {"ended_at": text_of(platform.now()), "running_since": last_year}, "waits": {"running_since": None}}
    for name, fields in {"second": {}, **others}.items():
        platform.services.put(replace(live, id=f"service-{name}", created_at=last_year, **fields))
    platform.service_metrics.counted = {"v1": Traffic(invocations=1000, latency_ms=500.0)}
    platform.pass_time(60)
    shown = show_budget(platform, PROJECT)
    assert platform.service_metrics.asked == [sorted([live.id, "service-second"])]
    assert shown["spent_usd"] == pytest.approx(2 * 500 * 2 * prices().usd_per_gb_second)
