"""`droplearn budget`, and the budget in `droplearn status`, as they are typed, through the real client and the real API, on fake ports."""

from __future__ import annotations

from tests.contract.control_plane.conftest import Type
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import a_model


def test_a_budget_is_set_shown_and_removed_and_a_refusal_tells_the_ways_out(typed: Type, fake_platform: FakePlatform):
    assert typed("budget", "zoo")["budget_usd"] is None
    assert "no budget" in typed("budget", "zoo", as_text=True)
    assert typed("budget", "zoo", "--set", "0.5")["left_usd"] == 0.5
    asked = ("train", "--project", "zoo", "--dataset", "animals")
    assert typed(*asked, "--estimate")["usd_at_most"] > 0.46
    assert "0.2300 USD" in typed(*asked, "--estimate", as_text=True)
    assert typed(*asked, "--max-runtime", "5h", status=1)["error"]["code"] == "budget.exceeded"
    refused = typed("deploy", a_model(fake_platform).id, "--max-runtime", "10h", status=1)
    assert (refused["error"]["code"], refused["error"]["details"]["left_usd"]) == ("budget.exceeded", 0.5)
    typed("deploy", a_model(fake_platform).id)
    shown = typed("budget", "zoo", as_text=True)
    assert all(text in shown for text in ("0.5000 USD", "0.1020 USD", "0.3980 USD", "service-"))
    assert typed("budget", "zoo", "--remove")["budget_usd"] is None


def test_status_shows_the_budget_of_projects_that_have_one(typed: Type):
    assert typed("status", "zoo")["budget"] is None
    assert "budget" not in typed("status", "zoo", as_text=True)
    typed("budget", "zoo", "--set", "50")
    (project,) = typed("status")["projects"]
    assert project["budget_usd"] == 50
    sums = {"month": "2026-01", "budget_usd": 50, "spent_usd": 0, "reserved_usd": 0, "left_usd": 50, "notices": []}
    assert project["budget"] == typed("status", "zoo")["budget"] == sums
    shown = typed("status", "zoo", as_text=True)
    assert "budget of 2026-01: 50.0000 USD; 0.0000 USD spent, 0.0000 USD reserved, 50.0000 USD left" in shown


def test_status_and_budget_tell_when_most_of_it_is_used(typed: Type):
    typed("budget", "zoo", "--set", "0.45")
    typed("train", "--project", "zoo", "--dataset", "animals", "--max-runtime", "30m")
    for words in (("status", "zoo"), ("budget", "zoo")):
        shown = " ".join(typed(*words, as_text=True).split())
        assert "80% of 0.4500 USD were passed at 2026-01-01 00:00:00Z: 0.0000 USD spent," in shown, shown


def test_the_share_of_the_notice_is_set_with_the_budget(typed: Type):
    assert typed("budget", "zoo", "--notice-at", "50", status=1)["error"]["code"] == "budget.no_sum"
    assert typed("budget", "zoo", "--set", "50", "--notice-at", "60")["notice_share"] == 0.6
    assert typed("budget", "zoo", "--set", "50")["notice_share"] == 0.8
    assert typed("budget", "zoo", "--set", "50", "--notice-at", "101", status=1)["error"]["code"] == "request.invalid"


def test_a_budget_that_is_removed_while_it_is_looked_at_is_not_shown(typed: Type, fake_platform: FakePlatform):
    typed("budget", "zoo", "--set", "50")
    budgets = fake_platform.budgets
    budgets.get = lambda _key: None
    assert typed("status", "zoo")["budget"] is None
