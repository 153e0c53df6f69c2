"""The guard where things start: what fits is started, what does not is refused before anything is made, and nobody slips in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.prices import prices
from chalicelib.domain.records import Page
from chalicelib.domain.times import text_of
from chalicelib.service import budgets
from chalicelib.service.batch_jobs import BatchOrder, create_batch_job, restart_batch_job
from chalicelib.service.budgets import Ask, admit, remove_budget, set_budget, show_budget
from chalicelib.service.quiet_period import check_quiet
from chalicelib.service.services import ServiceOrder, create_service
from chalicelib.service.serving_time import TimeOrder, change_time
from chalicelib.service.tasks import TaskOrder, create_task, restart_task
from chalicelib.service.versions import VersionOrder, add_version
from chalicelib.steps import start_deployment
from droplearn.contracts.errors import BudgetExceeded, Conflict
from droplearn.contracts.training import TaskSettings
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_hosting import RANGE
from tests.unit.control_plane.test_service_versions import NEW, running
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task

TABLE = prices().usd_per_hour
TRAINED_ON, SERVED_ON = "ml.m5.xlarge", "ml.c5.large"
SETTINGS = TaskSettings(max_runtime_s=3000)
ONE_TASK = TABLE[TRAINED_ON] * 2
"""50 minutes and 10, and an hour of evaluation."""


def with_budget(usd: float) -> FakePlatform:
    platform = a_platform()
    set_budget(platform, PROJECT, usd, "token-1")
    return platform


def train(platform: FakePlatform, **order):
    return create_task(platform, TaskOrder(PROJECT, DATASET, SETTINGS, **order))


def refused(do, *args, **kwargs) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded, match=r"budget\.exceeded") as told:
        do(*args, **kwargs)
    return told.value


def a_running_service(platform: FakePlatform, hours: float = 1.0, **fields):
    now = platform.now()
    times = {"running_since": text_of(now), "stops_at": text_of(now + timedelta(hours=hours)), "stop_token": "t"}
    return running(platform, **times, **fields)[0]


# ---- the budget ------------------------------------------------------------------------------------------------------
def test_without_a_budget_nothing_is_refused_or_read(monkeypatch: pytest.MonkeyPatch):
    platform = a_platform()
    monkeypatch.setattr(budgets, "uses_of", lambda *_: pytest.fail("nothing is summed"))
    assert train(platform).status == "CREATED"


def test_a_budget_is_set_changed_shown_and_removed():
    platform = with_budget(10)
    train(platform)
    set_budget(platform, PROJECT, 20, "token-2")
    shown = show_budget(platform, PROJECT)
    assert (shown["month"], shown["budget_usd"], shown["set_by"]) == ("2026-01", 20, "token-2")
    assert (shown["spent_usd"], shown["reserved_usd"]) == (0, pytest.approx(ONE_TASK))
    assert shown["left_usd"] == pytest.approx(20 - ONE_TASK)
    assert [row["id"][:5] for row in shown["costliest"]] == ["task-"]
    remove_budget(platform, PROJECT)
    remove_budget(platform, PROJECT)
    assert (show_budget(platform, PROJECT)["budget_usd"], show_budget(platform, PROJECT)["left_usd"]) == (None, None)


# ---- tasks -----------------------------------------------------------------------------------------------------------
def test_a_task_that_does_not_fit_is_refused_before_anything_is_made():
    platform = with_budget(ONE_TASK * 1.5)
    train(platform)
    told = refused(train, platform)
    assert told.details["reserved_usd"] == pytest.approx(told.details["asked_usd"]) == pytest.approx(ONE_TASK)
    assert (len(platform.tasks.known), len(platform.executions.started)) == (1, 1)


def test_a_task_that_ended_early_gives_back_what_it_did_not_use():
    platform = with_budget(ONE_TASK * 1.5)
    first = train(platform)
    platform.tasks.change(first.id, {"status": "FAILED", "training_started_at": text_of(platform.now())})
    platform.pass_time(360)
    platform.tasks.change(first.id, {"ended_at": text_of(platform.now())})
    train(platform)
    assert show_budget(platform, PROJECT)["spent_usd"] == pytest.approx(TABLE[TRAINED_ON] / 10)


def test_the_same_request_again_is_counted_once():
    platform = with_budget(ONE_TASK * 1.5)
    again = {"request_key": "k", "caller": "me"}
    assert train(platform, **again).id == train(platform, **again).id
    assert show_budget(platform, PROJECT)["reserved_usd"] == pytest.approx(ONE_TASK)


def test_a_refused_request_passes_with_the_same_key_when_the_budget_is_higher():
    platform = with_budget(0)
    again = {"request_key": "k", "caller": "me"}
    refused(train, platform, **again)
    set_budget(platform, PROJECT, 10, "token-1")
    assert train(platform, **again).status == "CREATED"


def test_a_restart_asks_for_a_whole_attempt_and_is_found_however_old_the_task_is():
    platform = with_budget(0)
    old = replace(a_task_without_budget(platform), status="FAILED", created_at="2025-01-01T00:00:00.000Z")
    platform.tasks.put(old)
    refused(restart_task, platform, old.id)
    assert platform.tasks.get(old.id).attempt == 1
    set_budget(platform, PROJECT, ONE_TASK, "token-1")
    assert restart_task(platform, old.id).attempt == 2
    platform.pass_time(3600)
    assert show_budget(platform, PROJECT)["reserved_usd"] == pytest.approx(ONE_TASK), "the lists do not go back so far"


def a_task_without_budget(platform: FakePlatform):
    remove_budget(platform, PROJECT)
    task = a_task(platform, settings=SETTINGS)
    set_budget(platform, PROJECT, 0, "token-1")
    return task


def test_what_cannot_be_restarted_is_told_so_and_not_asked_for():
    platform = with_budget(ONE_TASK)
    with pytest.raises(Conflict, match=r"task\.not_restartable"):
        restart_task(platform, train(platform).id)


# ---- at the same moment ----------------------------------------------------------------------------------------------
def test_of_two_at_the_same_moment_one_is_refused_where_only_one_fits(monkeypatch: pytest.MonkeyPatch):
    platform = with_budget(ONE_TASK * 1.5)
    sums, others = budgets.totals_of, [lambda: train(platform)]

    def while_another_comes(*given):
        found = sums(*given)
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(budgets, "totals_of", while_another_comes)
    told = refused(train, platform)
    assert told.details["reserved_usd"] == pytest.approx(ONE_TASK)
    assert len(platform.tasks.known) == 1


def test_what_was_admitted_counts_before_it_is_written_and_while_lists_are_behind(monkeypatch: pytest.MonkeyPatch):
    platform = with_budget(ONE_TASK * 1.5)
    monkeypatch.setattr(platform.tasks, "page", lambda *_, **__: Page([], None))
    first = train(platform)
    refused(train, platform)
    platform.tasks.remove(first.id)
    refused(train, platform)
    platform.pass_time(600)
    train(platform), "whoever was admitted and died has started nothing"


def test_of_two_changes_that_exclude_each_other_the_larger_is_held_until_one_is_made():
    platform = with_budget(10)
    service = a_running_service(platform)
    for hours in (3.0, 1.0):
        admit(platform, PROJECT, Ask(service.id, {SERVED_ON: hours}, "revision", service.revision + 1))
    shown = show_budget(platform, PROJECT)
    assert shown["reserved_usd"] == pytest.approx(4 * TABLE[SERVED_ON]), "its own hour, and the larger of the two"
    change_time(platform, service.id, TimeOrder(max_runtime_s=7200))
    assert show_budget(platform, PROJECT)["reserved_usd"] == pytest.approx(2 * TABLE[SERVED_ON])


# ---- services --------------------------------------------------------------------------------------------------------
def test_a_service_is_asked_for_at_the_top_of_its_range():
    platform = with_budget(TABLE[SERVED_ON] * 4)
    model = a_model(platform).id
    told = refused(create_service, platform, ServiceOrder(PROJECT, model, autoscaling=RANGE))
    assert told.details["asked_usd"] == pytest.approx(TABLE[SERVED_ON] * 5)
    assert not platform.services.known
    assert not platform.tokens.known
    assert create_service(platform, ServiceOrder(PROJECT, model, instance_count=4)).service.status == "CREATED"


def test_an_extension_asks_for_the_time_that_is_added():
    platform = a_platform()
    service = a_running_service(platform)
    set_budget(platform, PROJECT, TABLE[SERVED_ON] * 2, "token-1")
    told = refused(change_time, platform, service.id, TimeOrder(max_runtime_s=3 * 3600))
    assert told.details["asked_usd"] == pytest.approx(TABLE[SERVED_ON] * 2)
    assert change_time(platform, service.id, TimeOrder(max_runtime_s=2 * 3600)).max_runtime_s == 7200
    assert show_budget(platform, PROJECT)["left_usd"] == pytest.approx(0)
    set_budget(platform, PROJECT, 0, "token-1")
    assert change_time(platform, service.id, TimeOrder(max_runtime_s=1800)).max_runtime_s == 1800, "less is never refused"


def test_a_version_asks_for_the_instances_that_it_adds():
    platform = a_platform()
    service = a_running_service(platform)
    hour = TABLE[SERVED_ON]
    set_budget(platform, PROJECT, hour * 2.5, "token-1")
    told = refused(add_version, platform, service.id, VersionOrder(NEW, share=0.5, instance_count=2))
    assert told.details["asked_usd"] == pytest.approx(2 * hour)
    assert platform.services.get(service.id).version_count == 1
    add_version(platform, service.id, VersionOrder(NEW, instance_count=2))
    assert show_budget(platform, PROJECT)["reserved_usd"] == pytest.approx(2 * hour), "two in place of one"


def test_a_service_that_was_extended_meanwhile_is_told_to_wait_with_its_version():
    platform = a_platform()
    service = a_running_service(platform)
    change = platform.services.change

    def after_an_extension(key, changes, only_if=None):
        change(key, {"revision": 1})
        return change(key, changes, only_if)

    platform.services.change = after_an_extension
    with pytest.raises(Conflict, match=r"service\.updating"):
        add_version(platform, service.id, VersionOrder(NEW))


# ---- batch jobs ------------------------------------------------------------------------------------------------------
def test_a_batch_job_and_its_restart_are_guarded():
    platform = with_budget(TABLE[SERVED_ON] * 1.5)
    order = BatchOrder(PROJECT, a_model(platform).id, dataset=DATASET, max_runtime_s=3600)
    job = create_batch_job(platform, order)
    refused(create_batch_job, platform, order)
    now = text_of(platform.now())
    platform.pass_time(3600)
    platform.batch_jobs.change(job.id, {"status": "TIMED_OUT", "started_at": now, "ended_at": text_of(platform.now())})
    refused(restart_batch_job, platform, job.id)
    set_budget(platform, PROJECT, TABLE[SERVED_ON] * 2, "token-1")
    restart_batch_job(platform, job.id)
    shown = show_budget(platform, PROJECT)
    assert (shown["spent_usd"], shown["reserved_usd"]) == (pytest.approx(TABLE[SERVED_ON]), pytest.approx(TABLE[SERVED_ON]))


# ---- what starts by itself -------------------------------------------------------------------------------------------
def test_an_automatic_deployment_that_is_refused_is_a_warning_of_the_task(monkeypatch: pytest.MonkeyPatch):
    platform = with_budget(ONE_TASK)
    task, model = train(platform), a_model(platform)
    monkeypatch.setattr(start_deployment, "platform", lambda: platform)
    for _ in range(2):
        refused(start_deployment.handle, {"task_id": task.id, "attempt": 1, "model_id": model.id})
    (warning,) = platform.tasks.get(task.id).warnings
    assert "not deployed" in warning
    assert "higher budget" in warning


def test_an_automatic_start_that_is_refused_is_told_with_the_dataset_and_tried_again_after_the_next_drop():
    from chalicelib.ports import QuietMessage

    platform = with_budget(0)
    platform.datasets.change(f"{PROJECT}/{DATASET}", {"config": {"train": {"quiet_period_s": 5}}, "quiet_token": "t"})
    platform.pass_time(60)
    assert check_quiet(platform, QuietMessage(PROJECT, DATASET, "t")) is None
    dataset = platform.datasets.get(f"{PROJECT}/{DATASET}")
    assert "higher budget" in dataset.config_start_problem["hint"]
    assert not platform.tasks.known
    set_budget(platform, PROJECT, 10, "token-1")
    assert check_quiet(platform, QuietMessage(PROJECT, DATASET, "t2"))
    assert platform.datasets.get(f"{PROJECT}/{DATASET}").config_start_problem is None
