"""A prediction that names one of a service's versions: which production variant is asked, and what is said when it is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.domain.hosting import Serverless
from chalicelib.domain.service import Service
from chalicelib.ports import EndpointState
from chalicelib.service.invoking import invoke
from chalicelib.service.service_tests import ServiceTestOrder, run_test
from droplearn.contracts.errors import CapacityUnavailable, Throttled
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_testing_services import a_service
from tests.unit.control_plane.things import a_platform


def with_versions(*names: str, **fields: Any) -> tuple[FakePlatform, Service]:
    """A service whose record and whose endpoint have these versions."""
    platform = a_platform()
    service = a_service(platform, weights=dict.fromkeys(names, 0.5), **fields)
    hold(platform, service, *names)
    return platform, service


def hold(platform: FakePlatform, service: Service, *variants: str) -> None:
    platform.endpoints.known[service.id] = EndpointState("InService", instances=dict.fromkeys(variants, 1))


def ask(platform: FakePlatform, service: Service, query: str) -> tuple[int, Any]:
    answer = invoke(platform, service, b"x", "image/jpeg", query)
    return answer.http_status, json.loads(answer.body)


def count_reads(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    reads: list[str] = []
    get = platform.services.get
    monkeypatch.setattr(platform.services, "get", lambda key: reads.append(key) or get(key))
    return reads


def test_a_version_with_instances_of_its_own_is_asked_by_its_variant_without_a_read(monkeypatch: pytest.MonkeyPatch):
    platform, service = with_versions("v1", "v2")
    reads = count_reads(platform, monkeypatch)
    for query in ("version=v2", "top=1&version=v1", "top=1", ""):
        assert ask(platform, service, query)[0] == 200
    assert (platform.endpoints.targets, reads) == (["v2", "v1", None, None], [])


def test_of_a_name_that_is_given_twice_the_last_counts_as_in_the_server():
    platform, service = with_versions("v1", "v2")
    ask(platform, service, "version=v1&version=v2")
    assert platform.endpoints.targets == ["v2"]


def test_the_server_is_told_the_name_too(monkeypatch: pytest.MonkeyPatch):
    platform, service = with_versions("v1", "v2")
    told: list[Any] = []
    answer = platform.endpoints.answer
    monkeypatch.setattr(platform.endpoints, "invoke", lambda *given, **named: told.append((given[3], named)) or answer)
    invoke(platform, service, b"x", "image/jpeg", "version=v2&top=1")
    assert told == [("version=v2&top=1", {"variant": "v2"})]


@pytest.mark.parametrize("name", ["", "2", "v0", "V2", "v2%0d%0aX-Evil:1", "%E7%8C%AB", "v" * 64])
def test_what_cannot_be_a_versions_name_is_left_to_a_server_to_refuse(name: str):
    platform, service = with_versions("v1", "v2")
    ask(platform, service, f"version={name}")
    assert platform.endpoints.targets == [None]


@pytest.mark.parametrize("fields", [{"placement": "shared"}, {"serverless": Serverless(memory_mb=2048, max_concurrency=5)}])
def test_where_one_variant_has_all_versions_the_server_chooses(fields: dict[str, Any]):
    platform, service = with_versions("v1", **fields)
    ask(platform, service, "version=v1")
    assert platform.endpoints.targets == [None]


def test_a_version_that_the_service_does_not_have_is_refused_as_by_a_server():
    platform, service = with_versions("v2", "v3")
    assert ask(platform, service, "version=v1") == (400, {"success": False, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"})
    assert ask(platform, service, "version=v1&details=true")[1]["detail"] == "There is no version 'v1' here, but v2, v3."


def test_a_version_that_comes_or_goes_may_be_asked_for_again():
    """The record has it and the endpoint does not: one of both is a little behind."""
    platform, service = with_versions("v1", "v2")
    hold(platform, service, "v1")
    with pytest.raises(CapacityUnavailable, match=r"service\.not_running"):
        ask(platform, service, "version=v2")


def test_what_was_known_of_the_versions_a_minute_ago_does_not_matter():
    platform, service = with_versions("v1")
    hold(platform, service, "v2")
    platform.services.change(service.id, {"weights": {"v2": 1.0}})
    assert ask(platform, service, "version=v2")[0] == 200
    assert ask(platform, service, "version=v1")[0] == 400


def test_a_service_that_does_not_run_is_not_said_to_have_no_such_version():
    platform, service = with_versions("v1")
    platform.endpoints.known.clear()
    platform.services.change(service.id, {"status": "STOPPED"})
    with pytest.raises(CapacityUnavailable):
        ask(platform, service, "version=v2")


def test_another_failure_says_nothing_of_the_version(monkeypatch: pytest.MonkeyPatch):
    platform, service = with_versions("v1")

    def refuse(*_given: Any, **_named: Any) -> None:
        raise Throttled("aws.throttled", "slow down")

    monkeypatch.setattr(platform.endpoints, "invoke", refuse)
    with pytest.raises(Throttled):
        ask(platform, service, "version=v2")


def test_a_service_is_tested_in_the_version_that_is_named():
    platform, service = with_versions("v1", "v2")
    run_test(platform, ServiceTestOrder(service.id, uploads={"1.jpg": b"a"}, options={"version": "v2"}))
    assert platform.endpoints.targets == ["v2"]
    _, answers = run_test(platform, ServiceTestOrder(service.id, options={"version": "v3"}))
    assert "1001" in (answers.images[0].failure or "")
