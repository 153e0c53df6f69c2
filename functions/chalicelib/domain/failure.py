"""Errors as they reach us (a caught Lambda error, a training job's FailureReason) -> code, message and hint for a person."""

from __future__ import annotations

import json
from typing import Any

from droplearn.contracts.errors import DropLearnError

Problem = dict[str, str]
"""`{"code", "message", "hint"}`: what a task, an evaluation or a service shows as its `error`."""

MAX_MESSAGE = 2000
RESTART = "Restart the task: it goes on from its last checkpoint."
NOT_REMOVED = "Delete the endpoint that has the service's id in SageMaker: it may still be billed."

_CAPACITY = ("ResourceLimitExceeded", "CapacityError", "InsufficientCapacity", "Insufficient capacity", "ServiceQuotaExceeded")


def problem(code: str, message: str, hint: str = "") -> Problem:
    """Cut to a length that fits an item."""
    return {"code": code, "message": message[:MAX_MESSAGE], "hint": hint[:MAX_MESSAGE]}


def problem_of(error: DropLearnError) -> Problem:
    """Without details."""
    return problem(error.code, error.message, error.hint)


def is_capacity(text: str) -> bool:
    """Whether AWS says that there is no instance, or no quota for one. Source: SageMaker API."""
    return any(word in text for word in _CAPACITY)


def lacks_capacity(failure_reason: str | None, error: str, cause: str) -> bool:
    """Whether a job was refused an instance: by its own reason, or, where there is no job (None), by what was caught."""
    return is_capacity(failure_reason if failure_reason is not None else f"{error} {cause}")


def problem_of_caught(error: str, cause: str) -> Problem:
    """From a state machine's `{"Error", "Cause"}`: a DropLearnError of ours is given word for word."""
    told = _document(cause)
    ours = _ours(_document(str(told.get("errorMessage", ""))))
    if error == "EndpointNotRemoved":
        return problem("service.not_removed", f"The endpoint is still there: {ours['message'] if ours else cause}", NOT_REMOVED)
    return ours or _problem_of_aws(error, cause, told)


def _problem_of_aws(error: str, cause: str, told: dict[str, Any]) -> Problem:
    reason = told.get("FailureReason") or told.get("ExitMessage")
    if reason:
        return _ours(_document(str(reason).partition("\n")[0])) or problem("job.failed", str(reason), "See the log of the job.")
    if error == "EndpointFailed":
        return problem("service.not_started", f"The endpoint did not start: {cause}", "See its log in /aws/sagemaker/Endpoints.")
    if error == "States.Timeout":
        return problem(
            "stage.timed_out", "A stage took longer than its limit and was stopped.", "Try again; if it happens again, see the log."
        )
    if is_capacity(error + cause):
        return problem("capacity.unavailable", cause, "Ask for a quota increase, or choose another instance type.")
    if "AccessDenied" in cause or "not authorized" in cause:
        return problem("permission.missing", cause, "A role of the stack lacks a permission: deploy the template of this release.")
    return problem(
        "internal.error", str(told.get("errorMessage") or cause or error), "Try again; if it happens again, report it with the id."
    )


def problem_of_job(failure_reason: str) -> Problem:
    """From a training job's FailureReason: SageMaker puts the failure file behind a prefix like `AlgorithmError: ..., exit code: 1`."""
    start = failure_reason.find("{")
    if start >= 0:
        try:
            told, _ = json.JSONDecoder().raw_decode(failure_reason[start:])
        except ValueError:
            told = None
        if ours := _ours(told):
            return ours
    return problem(
        "training.killed",
        f"The training process ended without saying why ({failure_reason or 'no reason given'}).",
        f"{RESTART} If it happens again, choose a larger instance.",
    )


def _ours(told: Any) -> Problem | None:
    if isinstance(told, dict) and told.get("code") and told.get("message"):
        return problem(str(told["code"]), str(told["message"]), str(told.get("hint", "")))
    return None


def _document(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
