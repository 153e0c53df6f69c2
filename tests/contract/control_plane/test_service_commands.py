"""`droplearn deploy` and `droplearn service ...` as they are typed, through the real client and the real API, on fake ports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.domain.records import Page
from chalicelib.domain.service_version import TrafficPoint
from chalicelib.domain.times import moment_of, text_of
from chalicelib.service.services import stop_service
from chalicelib.service.update_plan import plan_update
from tests.contract.control_plane.conftest import Type
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_fallen_models import A_FALL
from tests.unit.control_plane.test_service_versions import NEW, running
from tests.unit.control_plane.things import a_model


@pytest.fixture
def service(fake_platform: FakePlatform) -> str:
    """The id of one that runs for an hour more."""
    now = fake_platform.now()
    times = {"running_since": text_of(now), "stops_at": text_of(now + timedelta(hours=1)), "stop_token": "stop"}
    return running(fake_platform, **times)[0].id


def code_of(document: dict[str, Any]) -> str:
    return document["error"]["code"]


# ---- a fall on the old labels ----------------------------------------------------------------------------------------
def test_a_model_that_has_fallen_is_deployed_and_published_with_a_word(typed: Type, service: str, fake_platform: FakePlatform):
    fallen = fake_platform.models.get(NEW)
    fake_platform.models.put(replace(fallen, base_model=A_FALL))
    refused = typed("deploy", NEW, status=1)
    assert (code_of(refused), refused["error"]["details"]["example_count"]) == ("model.has_fallen", 120)
    assert code_of(typed("service", "publish", service, NEW, status=1)) == "model.has_fallen"
    assert typed("service", "publish", service, NEW, "--accept-fall")["outcome"] == "in_progress"
    assert typed("deploy", NEW, "--accept-fall")["service"]


# ---- time ----------------------------------------------------------------------------------------------------------
def test_extend_adds_to_the_deadline(typed: Type, service: str, fake_platform: FakePlatform):
    before = moment_of(fake_platform.services.get(service).stops_at)
    found = typed("service", "extend", service, "--by", "90m")
    assert moment_of(found["stops_at"]) - before == timedelta(minutes=90)
    assert fake_platform.executions.answers == [("succeed", "stop")], "the wait decides anew"


def test_extend_says_that_a_service_does_not_run_yet(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.services.change(service, {"stops_at": None, "status": "STARTING"})
    assert code_of(typed("service", "extend", service, "--by", "1h", status=1)) == "service.not_running"


def test_cut_counts_from_now(typed: Type, service: str, monkeypatch: pytest.MonkeyPatch, fake_platform: FakePlatform):
    monkeypatch.setattr("droplearn.cli.service_life.datetime", SimpleNamespace(now=lambda _zone: fake_platform.now()))
    assert moment_of(typed("service", "cut", service, "--to", "10m")["stops_at"]) == fake_platform.now() + timedelta(minutes=10)
    assert "until 2026-01-01 00:00:00Z" in typed("service", "cut", service, as_text=True), "at once"


def test_idle_takes_a_time_or_never(typed: Type, service: str):
    assert typed("service", "idle", service, "--after", "20m")["idle_timeout_s"] == 1200
    assert typed("service", "idle", service, "--never")["idle_timeout_s"] is None
    assert code_of(typed("service", "idle", service, status=1)) == "service.no_change"


def test_a_service_that_is_over_is_told_with_an_exit_status(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.services.change(service, {"status": "STOPPED"})
    assert code_of(typed("service", "cut", service, status=1)) == "service.over"
    assert code_of(typed("service", "cut", "service-nobody", status=1)) == "service.unknown"


# ---- versions ------------------------------------------------------------------------------------------------------
def test_publish_replaces_and_shows_the_update(typed: Type, service: str, fake_platform: FakePlatform):
    update = typed("service", "publish", service, NEW)
    assert (update["kind"], update["what"]["model"], update["outcome"]) == ("version", NEW, "in_progress")
    assert fake_platform.executions.started[-1][0] == "update"
    assert code_of(typed("service", "publish", service, NEW, status=1)) == "service.updating"


def test_publish_with_a_canary_sends_its_share_and_its_time(typed: Type, service: str):
    canary = typed("service", "publish", service, NEW, "--canary", "0.2", "--watch", "5m")["what"]["canary"]
    assert (canary["share"], canary["duration_s"]) == (0.2, 300)


def test_publish_says_on_what_the_new_version_runs(typed: Type, service: str, fake_platform: FakePlatform):
    typed("service", "publish", service, NEW, "--instance-type", "ml.c5.xlarge", "--instance-count", "2", "--variant", "fp32")
    made = fake_platform.service_versions.get(f"{service}/2")
    assert (made.instance_type, made.instance_count, made.variant) == ("ml.c5.xlarge", 2, "fp32")


def test_publish_of_a_variant_that_was_never_made_is_refused(typed: Type, service: str):
    assert code_of(typed("service", "publish", service, NEW, "--variant", "int8", status=1)) == "variant.not_published"


@pytest.fixture
def updated_at_once(service: str, fake_platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    start = fake_platform.executions.start

    def start_and_work(machine: str, name: str, given: dict[str, Any]) -> str:
        arn = start(machine, name, given)
        for _ in range(2):
            plan_update(fake_platform, given["update_id"])
        return arn

    monkeypatch.setattr(fake_platform.executions, "start", start_and_work)


@pytest.mark.usefixtures("updated_at_once")
def test_publish_that_waits_tells_how_it_ended(typed: Type, service: str, fake_platform: FakePlatform):
    assert typed("service", "publish", service, NEW, "--wait")["outcome"] == "done"
    assert typed("service", "publish", service, NEW, "--share", "0.5", "--wait")["what"]["share"] == 0.5
    assert "done" in typed("service", "traffic", service, "--share", "v3=1", "--wait", as_text=True)
    assert fake_platform.services.get(service).weights == {"v3": 1.0}


@pytest.mark.usefixtures("updated_at_once")
def test_publish_waits_also_for_an_update_that_no_listing_knows_yet(
    typed: Type, service: str, fake_platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
):
    listed, is_behind = fake_platform.service_updates.page, iter([True])
    pages = lambda *given, **more: Page([], None) if next(is_behind, False) else listed(*given, **more)  # noqa: E731
    monkeypatch.setattr(fake_platform.service_updates, "page", pages)
    monkeypatch.setattr("time.sleep", lambda _s: None)
    assert typed("service", "publish", service, NEW, "--wait")["outcome"] == "done"


def test_traffic_names_every_version_that_stays(typed: Type, service: str):
    assert typed("service", "traffic", service, "--share", "v1=1")["what"]["shares"] == {"v1": 1.0}


def test_traffic_of_a_version_that_is_not_live_is_refused(typed: Type, service: str):
    assert code_of(typed("service", "traffic", service, "--share", "v9=0.3", status=1)) == "service.unknown_version"


def test_versions_shows_shares_and_updates(typed: Type, service: str):
    typed("service", "publish", service, NEW)
    found = typed("service", "versions", service)
    assert [(v["name"], v["share"]) for v in found["versions"]] == [("v2", 0.0), ("v1", 1.0)]
    assert [u["kind"] for u in found["updates"]] == ["version"]
    shown = typed("service", "versions", service, as_text=True)
    assert "100%" in shown
    assert "in progress" in shown


# ---- what it does --------------------------------------------------------------------------------------------------
def test_monitor_adds_up_what_each_version_answered(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.service_metrics.points = {"v1": [TrafficPoint("2026-01-01T00:00:00.000Z", 40, 1, 2, 9.5)] * 3}
    assert typed("service", "monitor", service)["cost"]["usd_per_hour"] == pytest.approx(0.102)
    shown = typed("service", "monitor", service, as_text=True)
    assert "0.1020 USD an hour" in shown
    assert ["v1", "120", "3", "6", "9.5"] in [line.replace("│", " ").split() for line in shown.splitlines()]


def test_monitor_tells_versions_that_share_instances_apart(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.services.change(service, {"placement": "shared", "version_count": 3, "weights": {"v1": 0.9, "v3": 0.1}})
    point = TrafficPoint("2026-01-01T00:00:00.000Z", 40, 1, 2, 9.5)
    fake_platform.service_metrics.points = {"shared": [point] * 9, "v1": [point] * 2, "v3": [point]}
    rows = [line.replace("│", " ").split() for line in typed("service", "monitor", service, as_text=True).splitlines()]
    assert ["v1", "80", "2", "4", "9.5"] in rows
    assert ["v3", "40", "1", "2", "9.5"] in rows
    assert not [row for row in rows if row[:1] == ["shared"]]


def test_monitor_of_an_unknown_instance_type_guesses_nothing(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.services.change(service, {"instance_type": "ml.x99.large"})
    assert "price unknown an hour" in typed("service", "monitor", service, as_text=True)


def test_rotate_token_shows_the_new_one_once(typed: Type, service: str, fake_platform: FakePlatform):
    old = fake_platform.services.get(service).token
    made = typed("service", "rotate-token", service, "--grace", "1h")
    assert made["token"] not in str(fake_platform.tokens.known)
    assert moment_of(made["old_valid_until"]) == fake_platform.now() + timedelta(hours=1)
    assert fake_platform.services.get(service).token != old


def test_events_are_told_oldest_first_with_who_asked(typed: Type, service: str, fake_platform: FakePlatform):
    fake_platform.pass_time(1)
    typed("service", "extend", service, "--by", "1h")
    fake_platform.pass_time(1)
    stop_service(fake_platform, service, "idle")
    found = typed("service", "events", service)["events"]
    assert [event["kind"] for event in found] == ["created", "time_changed", "idle_ended"]
    assert found[1]["by"].startswith("token-")
    shown = typed("service", "events", service, as_text=True)
    assert "idle ended" in shown
    assert "droplearn" in shown


# ---- deploy --------------------------------------------------------------------------------------------------------
def test_deploy_sends_the_range_and_shows_the_token(typed: Type, fake_platform: FakePlatform):
    model = a_model(fake_platform).id
    made = typed("deploy", model, "--max-instances", "4", "--per-minute", "300", "--max-runtime", "2h")
    kept = fake_platform.services.get(made["service"])
    assert kept.autoscaling == {"min_instances": 1, "max_instances": 4, "invocations_per_minute": 300.0}
    assert (kept.max_runtime_s, made["status"]) == (7200, "CREATED")
    assert made["token"]


def test_deploy_serverless_has_no_instances(typed: Type, fake_platform: FakePlatform):
    made = typed("deploy", a_model(fake_platform).id, "--serverless", "3072", "--max-concurrency", "20")
    assert fake_platform.services.get(made["service"]).serverless == {"memory_mb": 3072, "max_concurrency": 20}


def test_an_estimate_is_told_for_both_ends_and_makes_nothing(typed: Type, fake_platform: FakePlatform):
    model = a_model(fake_platform).id
    shown = typed("deploy", model, "--max-instances", "4", "--max-runtime", "8h", "--estimate", as_text=True)
    assert "1 x ml.c5.large: 0.1020 USD an hour, 0.8160 USD in 8 h" in shown
    assert "4 x ml.c5.large: 0.4080 USD an hour, 3.2640 USD in 8 h" in shown
    by_use = typed("deploy", model, "--serverless", "2048", "--estimate", as_text=True)
    assert "0.0040 USD per 1,000 requests of 100 ms, 0.00004000 USD per second" in by_use
    assert not fake_platform.services.known


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--min-instances", "2"], "deploy.no_range"),
        (["--max-concurrency", "2"], "deploy.not_serverless"),
        (["--serverless", "2048", "--instance-count", "2"], "service.hosting"),
        (["--serverless", "2000"], "request.invalid"),
        (["--network", "vpc"], "service.no_vpc"),
    ],
)
def test_what_cannot_be_hosted_so_is_told(typed: Type, fake_platform: FakePlatform, words: list[str], code: str):
    assert code_of(typed("deploy", a_model(fake_platform).id, *words, status=1)) == code
    assert not fake_platform.services.known


def test_services_are_listed_of_one_project_and_of_all(typed: Type, service: str) -> None:
    (found,) = typed("service", "list")["services"]
    assert found["id"] == service
    assert typed("service", "list", "--project", found["project"])["services"] == [found]
    assert found["status"] in typed("service", "list", as_text=True)
