"""Errors, named by who must act.

    DropLearnError(code, message, hint, details)
    ├── UserError              the caller must change something: 4xx, never retried, shown word for word
    │   ├── InvalidDataset     422
    │   ├── InvalidRequest     400
    │   ├── UnsupportedScenario 400
    │   ├── NotFound           404
    │   ├── Conflict           409
    │   ├── BudgetExceeded     402
    │   ├── Unauthenticated    401
    │   └── Forbidden          403
    ├── TransientError         try again later: 503 or 429 with Retry-After
    │   ├── Throttled          429
    │   ├── CapacityUnavailable 503
    │   └── SpotInterrupted    503
    └── InternalError          ours: 500 with the request id only

Class names are wire format: the `errorType` of a Lambda and the `ErrorEquals` of a state machine.
Codes are listed in docs/reference/errors.md.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar


class DropLearnError(Exception):
    """code: stable and dotted (`dataset.too_few_examples`); message: what is wrong; hint: what to do about it."""

    http_status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, hint: str = "", details: dict[str, Any] | None = None) -> None:
        self.code, self.message, self.hint, self.details = code, message, hint, details or {}
        super().__init__(self.to_json())

    def to_dict(self) -> dict[str, Any]:
        """`{"code", "message", "hint"}` and, where there are any, `details`."""
        told: dict[str, Any] = {"code": self.code, "message": self.message, "hint": self.hint}
        return told | ({"details": self.details} if self.details else {})

    def to_json(self) -> str:
        """One line; also str(error), so that a state machine that catches it can read code, message and hint."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


class UserError(DropLearnError):
    """The caller must change something."""

    http_status = 400


class InvalidDataset(UserError):
    """The data cannot be learnt from as it is."""

    http_status = 422


class InvalidRequest(UserError):
    """A field is missing, unknown or out of bounds."""


class UnsupportedScenario(UserError):
    """No such scenario, or this scenario cannot do that."""


class NotFound(UserError):
    """No such thing, or not for this caller."""

    http_status = 404


class Conflict(UserError):
    """The thing is in a state that does not allow this."""

    http_status = 409


class BudgetExceeded(UserError):
    """The project's money limit does not cover this."""

    http_status = 402


class Unauthenticated(UserError):
    """No valid token."""

    http_status = 401


class Forbidden(UserError):
    """The token lacks a permission point."""

    http_status = 403


class TransientError(DropLearnError):
    """Later it may work. `retry_after_s` is a lower bound in seconds; an error that knows better sets its own."""

    http_status = 503
    retry_after_s: int = 5


class Throttled(TransientError):
    """AWS asks to slow down."""

    http_status = 429


class CapacityUnavailable(TransientError):
    """No instance of the wanted type is free, or the account's quota is used up."""

    retry_after_s = 60


class SpotInterrupted(TransientError):
    """AWS took the instance back."""


class InternalError(DropLearnError):
    """A defect of ours."""
