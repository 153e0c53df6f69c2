"""Executions of the state machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Executions(Protocol):
    """Executions of the state machines."""

    def start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        """`machine`: learn, evaluate, deploy, update, batch or delete. The same name again changes nothing. Returns the ARN."""

    def stop(self, arn: str, cause: str) -> None:
        """Nothing happens when it is over."""

    def is_running(self, arn: str) -> bool:
        """False also when it is forgotten."""

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        """Ends the state that waits for the token; False: nothing waits for it any more."""

    def fail(self, token: str, error: str, cause: str) -> bool:
        """The same, with an error."""
