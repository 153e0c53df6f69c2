"""The sweep runs while there are services, and not at all when there are none."""

from __future__ import annotations

import pytest

from chalicelib.domain.service import LiveService
from chalicelib.domain.times import text_of
from chalicelib.service.sweep_times import LISTED_WITHIN_S, need_sweeps, rest_when_nothing_lives
from chalicelib.service.sweeping import LEFT_ALONE_S, sweep_services
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_services import deployed
from tests.unit.control_plane.things import a_platform


def is_on(platform: FakePlatform) -> bool:
    return platform.sweep_schedule.is_on


def test_after_a_deployment_the_first_sweep_finds_nothing_and_is_the_last():
    platform = FakePlatform()
    assert sweep_services(platform) == []
    assert not is_on(platform)


def test_the_first_service_makes_it_run_again_until_it_is_over_for_a_while():
    platform = a_platform()
    platform.sweep_schedule.stop()
    service, _ = deployed(platform, "RUNNING", stop_token="s")
    assert is_on(platform)
    platform.services.change(service.id, {"status": "STOPPED"})
    sweep_services(platform)
    assert is_on(platform), "it has just ended: its endpoint may still be there"
    platform.pass_time(LEFT_ALONE_S + 1)
    sweep_services(platform)
    assert not is_on(platform)


def test_a_service_that_the_listing_does_not_show_yet_is_swept():
    platform = FakePlatform()
    need_sweeps(platform)
    assert not rest_when_nothing_lives(platform)
    assert is_on(platform)
    platform.pass_time(LISTED_WITHIN_S + 1)
    assert rest_when_nothing_lives(platform)


@pytest.mark.parametrize("moment", ["before it is stopped", "after it is stopped"])
def test_a_service_made_while_the_sweep_goes_to_rest_is_swept(moment: str):
    platform = FakePlatform()
    stop = platform.sweep_schedule.stop

    def make_a_service_meanwhile() -> None:
        if moment == "after it is stopped":
            stop()
        platform.live_services.put(LiveService("service-new", text_of(platform.now())))
        need_sweeps(platform)
        if moment == "before it is stopped":
            stop()

    platform.sweep_schedule.stop = make_a_service_meanwhile  # type: ignore[method-assign]
    assert not rest_when_nothing_lives(platform)
    assert is_on(platform)
