"""The clock of scheduled rules."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from twin.eventing.schedules import Clock


def test_the_rate_of_a_rule_counts_from_when_it_is_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    now, fired = [1000.0], []
    monkeypatch.setattr(time, "time", lambda: now[0])
    rule = SimpleNamespace(
        name="sweep", arn="arn", scheduled_expression="rate(10 minutes)", state="DISABLED", targets=[{"Arn": "f", "Input": "{}"}]
    )
    backend: Any = SimpleNamespace(event_buses={"default": SimpleNamespace(rules={"sweep": rule})}, account_id="1", region_name="eu-west-1")
    clock = Clock(threading.Event())
    monkeypatch.setattr(clock, "_deliver", lambda *_: fired.append(now[0]))
    for moment, state in ((2000.0, "DISABLED"), (2001.0, "ENABLED"), (2599.0, "ENABLED"), (2600.0, "ENABLED"), (2700.0, "ENABLED")):
        now[0], rule.state = moment, state
        clock._fire_rules(backend)
    assert fired == [2600.0]
