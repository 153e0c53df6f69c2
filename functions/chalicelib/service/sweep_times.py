"""The sweep runs by a schedule while there are services, and not at all when there are none: docs/decisions/0013."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.service import LiveService
from chalicelib.domain.sweep import Sweep
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform

LISTED_WITHIN_S = 600
"""What was written so long ago stands in its listing for certain: seconds are enough, and the listing makes no promise."""


def need_sweeps(platform: Platform) -> None:
    """Once a service stands among the live ones. First the note, then the schedule: `rest_when_nothing_lives` counts on it."""
    platform.sweeps.put(Sweep(text_of(platform.now())))
    platform.sweep_schedule.start()


def rest_when_nothing_lives(platform: Platform) -> bool:
    """Stops the schedule, unless a service was made so recently that the listing may lack it; True: it is stopped."""
    noted = platform.sweeps.get(Sweep.KEY)
    if noted is not None and noted.needed_at > text_of(platform.now() - timedelta(seconds=LISTED_WITHIN_S)):
        return False
    if platform.live_services.page(LiveService.LISTED_IN, 1).items:
        return False
    platform.sweep_schedule.stop()
    if platform.sweeps.get(Sweep.KEY) == noted:
        return True
    platform.sweep_schedule.start()  # somebody made a service meanwhile, and may have started it before it was stopped
    return False
