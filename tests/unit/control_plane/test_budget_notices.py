"""The project is told that so much of its budget is used: once a month and share, by whoever admits or sets, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.domain.budget import Budget, Totals
from chalicelib.domain.budget_notices import notices_after, notices_of
from chalicelib.domain.times import text_of
from chalicelib.service.budgets import set_budget, show_budget
from droplearn.contracts.errors import TransientError
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_budgets import ONE_TASK, refused, train, with_budget
from tests.unit.control_plane.things import PROJECT

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def a_budget(**fields) -> Budget:
    return replace(Budget("zoo", 10.0, text_of(NOW), "token-1"), **fields)


def used(spent: float, reserved: float = 0.0) -> Totals:
    return Totals(spent, reserved, [])


def shares(told: list) -> list[float]:
    return [notice["share"] for notice in told]


def seen(platform: FakePlatform) -> list[float]:
    return shares(show_budget(platform, PROJECT)["notices"])


# ---- what is told ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("totals", "expected"),
    [(used(7.99), []), (used(5.0, 3.0), [0.8]), (used(2.0, 7.99), [0.8]), (used(0.0, 10.0), [0.8, 1.0]), (used(12.0), [0.8, 1.0])],
)
def test_what_was_spent_and_what_is_reserved_pass_a_share_together(totals: Totals, expected: list[float]):
    assert shares(notices_after(a_budget(), totals, NOW)) == expected


def test_a_notice_tells_how_it_stood():
    (told,) = notices_after(a_budget(), used(5.0, 3.5), NOW)
    assert told == {"month": "2026-11", "share": 0.8, "at": text_of(NOW), "budget_usd": 10.0, "spent_usd": 5.0, "reserved_usd": 3.5}


def test_a_share_is_told_once_a_month():
    told = notices_after(a_budget(), used(8.5), NOW)
    assert notices_after(a_budget(notices=told), used(2.0), NOW) == told, "what ends early takes nothing back"
    assert notices_after(a_budget(notices=told), used(9.0), NOW) == told
    assert shares(notices_after(a_budget(notices=told), used(10.0), NOW)) == [0.8, 1.0]
    assert notices_of(a_budget(notices=told), DECEMBER) == []
    (again,) = notices_after(a_budget(notices=told), used(0.0, 8.0), DECEMBER)
    assert again["month"] == "2026-12"


def test_a_notice_of_a_smaller_budget_is_none_of_a_larger_one_and_may_come_again():
    told = notices_after(a_budget(), used(8.5), NOW)
    larger = a_budget(usd=20.0, notices=told)
    assert notices_of(larger, NOW) == notices_after(larger, used(8.5), NOW) == []
    (again,) = notices_after(larger, used(16.0), NOW)
    assert again["budget_usd"] == 20


@pytest.mark.parametrize(("share", "expected"), [(0.5, [0.5]), (0.7, []), (1.0, [])])
def test_the_share_that_is_told_can_be_chosen(share: float, expected: list[float]):
    assert shares(notices_after(a_budget(notice_share=share), used(6.0), NOW)) == expected
    assert shares(notices_after(a_budget(notice_share=share), used(10.0), NOW)) == sorted({share, 1.0})


def test_of_a_budget_of_nothing_only_costs_are_told():
    assert notices_after(a_budget(usd=0.0), used(0.0), NOW) == []
    assert shares(notices_after(a_budget(usd=0.0), used(0.01), NOW)) == [0.8, 1.0]


# ---- who tells it ----------------------------------------------------------------------------------------------------
def test_the_admission_that_passes_a_share_tells_it_and_no_other():
    platform = with_budget(ONE_TASK * 3.2)
    train(platform)
    train(platform)
    assert seen(platform) == []
    platform.pass_time(60)
    train(platform)
    (told,) = show_budget(platform, PROJECT)["notices"]
    assert (told["share"], told["at"]) == (0.8, text_of(platform.now()))
    assert told["reserved_usd"] == pytest.approx(3 * ONE_TASK), "what passes it is counted"
    refused(train, platform)
    assert seen(platform) == [0.8]


def test_the_account_is_told_once_and_nothing_is_refused_when_it_cannot_be(caplog: pytest.LogCaptureFixture):
    platform = with_budget(ONE_TASK * 1.2)
    again = {"request_key": "k", "caller": "me"}
    train(platform, **again)
    train(platform, **again)
    ((what, detail),) = platform.announcer.told
    assert (what, detail["project"], detail["share"], detail["month"]) == ("Budget Share Used", PROJECT, 0.8, "2026-01")

    def unable(*_):
        raise TransientError("aws.unavailable", "Nobody listens.")

    platform.announcer.announce = unable
    set_budget(platform, PROJECT, ONE_TASK, "token-1")
    assert seen(platform) == [0.8, 1.0]
    assert "100 % of the budget of zoo are used was not sent" in caplog.text


def test_the_same_request_again_tells_nothing_new():
    platform = with_budget(ONE_TASK)
    again = {"request_key": "k", "caller": "me"}
    train(platform, **again)
    told = show_budget(platform, PROJECT)["notices"]
    platform.pass_time(60)
    train(platform, **again)
    assert show_budget(platform, PROJECT)["notices"] == told
    assert shares(told) == [0.8, 1.0]


def test_whoever_sets_a_budget_below_what_runs_is_told():
    platform = with_budget(ONE_TASK * 2)
    train(platform)
    set_budget(platform, PROJECT, ONE_TASK * 1.1, "token-1")
    assert seen(platform) == [0.8]
    set_budget(platform, PROJECT, ONE_TASK * 0.5, "token-1")
    assert seen(platform) == [0.8, 1.0]
    set_budget(platform, PROJECT, ONE_TASK * 4, "token-1")
    assert platform.budgets.get(PROJECT).notices == []


def test_of_two_admissions_at_the_same_moment_one_tells(monkeypatch: pytest.MonkeyPatch):
    platform = with_budget(ONE_TASK * 2)
    change, others = platform.budgets.change, [1]

    def after_another(key, changes, only_if=None):
        if others:
            others.pop()
            train(platform)
        return change(key, changes, only_if)

    monkeypatch.setattr(platform.budgets, "change", after_another)
    train(platform)
    assert seen(platform) == [0.8, 1.0]
    assert len(platform.tasks.known) == 2
