"""What things have used of a month and may still use, and the verdict about what is asked: sums alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.budget import Budget, Totals, check_covered, left_usd, month_of, totals_of, usd_of
from chalicelib.domain.prices import Prices
from chalicelib.domain.service import Service
from chalicelib.domain.task import Task
from chalicelib.domain.times import text_of
from chalicelib.domain.uses import (
    SERVERLESS,
    Job,
    TaskJobs,
    Use,
    kept_runs,
    task_runs,
    use_of_batch_job,
    use_of_service,
    use_of_task,
)
from droplearn.contracts.errors import BudgetExceeded

TABLE = Prices("2026-01", "x", "a test", {"ml.a": 1.0, "ml.b": 10.0}, usd_per_gb_second=0.001)
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
JOBS = TaskJobs(Job("ml.b", 2, 4 * 3600), Job("ml.a", 1, 3600))
RANGE = {"min_instances": 2, "max_instances": 6, "invocations_per_minute": 600}


def ago(hours: float) -> str:
    return text_of(NOW - timedelta(hours=hours))


def a_task(status: str = "TRAINING", **fields) -> Task:
    return Task("task-1", "zoo", "animals", "image_classification", {}, status, ago(100), ago(100), **fields)


def a_service(status: str = "RUNNING", **fields) -> Service:
    given = {"instance_type": "ml.a", "max_runtime_s": 10 * 3600} | fields
    return Service("service-1", "zoo", "model-1", "image_classification", status, ago(100), ago(100), **given)


def usd(use: Use) -> tuple[float | None, float | None]:
    return usd_of(use.spent, TABLE), usd_of(use.reserved, TABLE)


def of_task(task: Task):
    return usd(use_of_task(task, JOBS, MONTH, NOW))


def of_service(service: Service, **answered: float):
    return usd(use_of_service(service, MONTH, NOW, answered))


# ---- tasks -----------------------------------------------------------------------------------------------------------
def test_a_task_that_waits_reserves_all_that_it_may_cost():
    assert of_task(a_task("CREATED")) == (0, pytest.approx(2 * 10 * 4 + 1))
    assert of_task(a_task("QUEUED_FOR_CAPACITY")) == (0, pytest.approx(81))


def test_while_it_trains_what_was_reserved_becomes_spent():
    assert of_task(a_task(training_started_at=ago(1))) == (pytest.approx(20), pytest.approx(61))
    assert of_task(a_task(training_started_at=ago(9))) == (pytest.approx(80), pytest.approx(1)), "never more than its limit"


def test_once_it_is_trained_only_the_evaluation_is_reserved():
    trained = a_task("EVALUATING", training_started_at=ago(2), training_ended_at=ago(0.5))
    assert of_task(trained) == (pytest.approx(1.5 * 20 + 0.5), pytest.approx(0.5))


def test_one_that_has_ended_has_spent_and_reserves_nothing():
    assert of_task(a_task("FAILED", training_started_at=ago(3), ended_at=ago(2))) == (pytest.approx(20), 0)
    assert of_task(a_task("STOPPED", ended_at=ago(2))) == (0, 0)


def test_a_restart_keeps_what_the_attempts_before_have_cost():
    failed = a_task("FAILED", training_started_at=ago(3), ended_at=ago(2))
    again = a_task("CREATED", attempt=2, earlier_runs=kept_runs(task_runs(failed, JOBS), NOW))
    assert of_task(again) == (pytest.approx(20), pytest.approx(81))


# ---- months ----------------------------------------------------------------------------------------------------------
def test_a_month_begins_at_midnight_utc():
    assert month_of(NOW) == MONTH
    assert month_of(datetime(2026, 12, 1, 0, 30, tzinfo=UTC)) == datetime(2026, 12, 1, tzinfo=UTC)
    ahead = datetime.fromisoformat("2026-12-01T00:30:00+01:00")
    assert month_of(ahead) == MONTH


def test_of_what_runs_over_midnight_only_this_month_s_part_is_spent_and_all_that_is_left_is_reserved():
    task = a_task(training_started_at="2026-10-31T23:00:00.000Z")
    at_one = datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert usd(use_of_task(task, JOBS, MONTH, at_one)) == (pytest.approx(20), pytest.approx(41))
    at_eleven = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert usd(use_of_task(task, JOBS, month_of(at_eleven), at_eleven)) == (pytest.approx(10), pytest.approx(71))


def test_what_ended_last_month_costs_nothing_this_month():
    old = a_task("SUCCEEDED", training_started_at="2026-10-20T00:00:00.000Z", ended_at="2026-10-20T01:00:00.000Z")
    assert of_task(old) == (0, 0)


# ---- services and batch jobs -----------------------------------------------------------------------------------------
def test_a_service_reserves_until_its_deadline():
    assert of_service(a_service("CREATED")) == (0, pytest.approx(10))
    running = a_service(running_since=ago(4), stops_at=ago(-6), instance_count=3)
    assert of_service(running) == (pytest.approx(12), pytest.approx(18))
    ended = a_service("STOPPED", running_since=ago(4), stops_at=ago(-6), ended_at=ago(3))
    assert of_service(ended) == (pytest.approx(1), 0)
    assert of_service(a_service("STOPPING", running_since=ago(4), stops_at=ago(-6)))[1] == 0


def test_a_range_counts_with_its_top():
    ranged = a_service(running_since=ago(4), stops_at=ago(-6), autoscaling=RANGE, instance_count=2)
    assert of_service(ranged) == (pytest.approx(24), pytest.approx(36))


def test_a_service_that_is_changed_reserves_what_it_may_have_then():
    changed = a_service(running_since=ago(4), stops_at=ago(-6), updating="update-1", coming={"ml.a": 1.0, "ml.b": 2.0})
    assert of_service(changed) == (pytest.approx(4), pytest.approx(6 + 2 * 10 * 6))
    done = a_service(running_since=ago(4), stops_at=ago(-6), coming={"ml.b": 2.0})
    assert of_service(done)[1] == pytest.approx(6), "what was to come, once it has come or failed, is not asked any more"


def test_what_a_service_had_before_its_instances_changed_is_spread_over_that_time():
    since, changed = "2026-10-31T22:00:00.000Z", "2026-11-01T02:00:00.000Z"
    service = a_service(
        "STOPPED", running_since=since, billed_since=changed, ended_at=changed, instances={"ml.b": 1}, billed_s={"ml.a": 4 * 3600.0}
    )
    assert of_service(service) == (pytest.approx(2), 0), "half of the four hours were last month's"


def test_a_serverless_service_has_spent_what_its_answers_took_and_reserves_all_its_containers():
    small = a_service(instance_type=None, serverless={"memory_mb": 2048, "max_concurrency": 5}, running_since=ago(1), stops_at=ago(-1))
    spent, reserved = of_service(small, **{SERVERLESS: 0.5})
    assert spent == pytest.approx(0.5 * 3600 * 0.001)
    assert reserved == pytest.approx(2 * 5 * 3600 * 0.001)


def test_a_service_of_tables_costs_no_instances():
    assert of_service(a_service(serving="tables", running_since=ago(4), stops_at=ago(-6))) == (0, 0)


def test_a_batch_job_reserves_its_time():
    given = ("batch-1", "zoo", "model-1", "image_classification")
    waiting = BatchJob(*given, "PREPARING", ago(5), ago(5), "ml.b", instance_count=2, max_runtime_s=7200)
    assert usd(use_of_batch_job(waiting, MONTH, NOW)) == (0, pytest.approx(40))
    half = BatchJob(*given, "RUNNING", ago(5), ago(5), "ml.b", instance_count=2, max_runtime_s=7200, started_at=ago(1))
    assert usd(use_of_batch_job(half, MONTH, NOW)) == (pytest.approx(20), pytest.approx(20))


# ---- the verdict -----------------------------------------------------------------------------------------------------
def check(asked: dict[str, float], left: float = 5.0) -> None:
    check_covered(Budget("zoo", 50.0, ago(1), "token-1"), Totals(40.0, 10.0 - left, []), asked, TABLE, NOW)


def test_what_is_left_may_be_used_to_the_last_cent():
    check({"ml.a": 5.0})
    with pytest.raises(BudgetExceeded, match=r"budget\.exceeded") as refused:
        check({"ml.a": 5.01})
    told = refused.value
    assert (told.http_status, told.details["asked_usd"], told.details["left_usd"]) == (402, 5.01, 5.0)
    assert (told.details["budget_usd"], told.details["spent_usd"], told.details["reserved_usd"]) == (50.0, 40.0, 5.0)
    assert all(way in told.hint for way in ("shorter", "smaller", "higher budget"))


def test_nothing_is_left_of_a_budget_that_was_lowered():
    with pytest.raises(BudgetExceeded, match=r"0\.00 USD are left"):
        check({"ml.a": 0.01}, left=-3)


def test_what_has_no_price_is_refused_while_a_budget_stands():
    with pytest.raises(BudgetExceeded, match=r"budget\.no_price") as refused:
        check({"ml.x99": 0.1, "ml.a": 1.0})
    assert "ml.x99" in refused.value.message
    assert "InstancePrices" in refused.value.hint


def test_what_runs_without_a_price_is_named_and_in_no_sum():
    found = totals_of([Use("task-1", {"ml.a": 1.0}, {"ml.b": 1.0}), Use("task-2", {"ml.x99": 1.0}, {})], TABLE)
    assert found == (1.0, 10.0, ["task-2"])
    assert left_usd(20, found) == 9
