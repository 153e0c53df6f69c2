"""The port SweepSchedule on a rule of EventBridge."""

from __future__ import annotations

from chalicelib.adapters.aws import client, translated


class EventBridgeSweepSchedule:
    """A rule with a rate. Source: Amazon EventBridge API reference, EnableRule, DisableRule: both may be repeated."""

    def __init__(self, rule: str) -> None:
        self._rule = rule

    def start(self) -> None:
        """EnableRule."""
        with translated():
            client("events").enable_rule(Name=self._rule)

    def stop(self) -> None:
        """DisableRule."""
        with translated():
            client("events").disable_rule(Name=self._rule)
