"""Clients, made once per process, and the one translation of botocore's errors into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain import cursors
from droplearn.contracts.errors import CapacityUnavailable, DropLearnError, InternalError, Throttled, TransientError

_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
    "ProvisionedThroughputExceededException", "RequestThrottled", "BandwidthLimitExceeded", "LimitExceededException",
}  # fmt: skip
_CAPACITY = {"ResourceLimitExceeded", "CapacityError", "InsufficientCapacity", "ServiceQuotaExceededException"}
_PASSING = {
    "ConcurrentModificationException",
    "InternalServerError",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
    "ConcurrentUpdateException",
}


@cache
def client(service: str) -> Any:
    """Three tries and short timeouts: a Lambda that waits is billed."""
    return boto3.client(
        service,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=25, max_pool_connections=20),
    )


@contextmanager
def translated(*, but: tuple[str, ...] = (), invalid_cursor: bool = False) -> Iterator[None]:
    """Inside, errors of AWS become TransientError (to be tried again) or InternalError. Error codes in `but` pass as they are; with
    `invalid_cursor` a ValidationException blames the caller's cursor.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) in but:
            raise
        if invalid_cursor and code_of(error) == "ValidationException":
            raise cursors.invalid_cursor() from error
        raise meaning_of(error) from error
    except BotoCoreError as error:
        raise TransientError("aws.unreachable", str(error), hint="Try again.") from error


def found(service: str, operation: str, **given: Any) -> Any:
    """One call's answer; None: what it names is not there."""
    with translated():
        try:
            return getattr(client(service), operation)(**given)
        except ClientError as error:
            if is_not_found(error):
                return None
            raise


def meaning_of(error: ClientError) -> DropLearnError:
    """Whose turn it is to act."""
    code, message = code_of(error), str(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in _THROTTLED:
        return Throttled("aws.throttled", message, hint="Try again in some seconds.")
    if code in _CAPACITY:
        return CapacityUnavailable("capacity.unavailable", message, hint="Wait, or ask for a quota increase.")
    if code in _PASSING or status >= 500:
        return TransientError("aws.unavailable", message, hint="Try again in some seconds.")
    if code in ("AccessDenied", "AccessDeniedException"):
        return InternalError(
            "permission.missing", message, hint="A role of the stack lacks a permission: deploy the template of this release."
        )
    return InternalError("aws.refused", message)


def code_of(error: ClientError) -> str:
    """`AccessDenied`, `ValidationException`, ..."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_not_found(error: ClientError) -> bool:
    """SageMaker has no error code of its own for what does not exist: it is a ValidationException that says so."""
    code, message = code_of(error), str(error).lower()
    return code in ("ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "404", "NotFound") or (
        code == "ValidationException" and any(words in message for words in ("not find", "not found", "does not exist", "not exist"))
    )
