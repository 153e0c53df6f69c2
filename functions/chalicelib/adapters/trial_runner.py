"""The port TrialRunner on the Lambda of the serving image."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from chalicelib.adapters.aws import translated
from chalicelib.ports import TrialAnswer, TrialQuestion
from droplearn.contracts.errors import InvalidRequest, TransientError

_READ_TIMEOUT_S = 26
"""The API itself has 29 s."""


@cache
def _client() -> Any:
    """One try: the same prediction must not be made three times because the first one is slow."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=_READ_TIMEOUT_S, max_pool_connections=20)
    return boto3.client("lambda", config=config)


class LambdaTrialRunner:
    """Invokes and waits."""

    def __init__(self, function_name: str) -> None:
        self._function_name = function_name

    def answer(self, question: TrialQuestion) -> TrialAnswer:
        """One Invoke."""
        with translated():
            try:
                reply = _client().invoke(FunctionName=self._function_name, Payload=json.dumps(_event(question)).encode())
            except ReadTimeoutError as error:
                raise TransientError(
                    "trial.too_slow",
                    f"No answer within {_READ_TIMEOUT_S} s.",
                    hint="The model may still be loading: try again, or deploy it.",
                ) from error
            told = json.load(reply["Payload"])
        if "FunctionError" in reply:
            message = f"The trial's Lambda failed: {told.get('errorType')}: {told.get('errorMessage')}"[:500]
            raise TransientError("trial.failed", message, hint="Try again; a model that needs more memory needs a service.")
        if refused := told.get("refused"):
            raise InvalidRequest(refused["code"], refused["message"], refused.get("hint", ""))
        return TrialAnswer(int(told["http_status"]), told["body"].encode(), float(told["load_s"]), float(told["answer_s"]))


def _event(question: TrialQuestion) -> dict[str, Any]:
    """Text stays text: in base64 it would be a third larger, and six megabytes are the limit."""
    told = {
        "archive_key": question.archive_key,
        "archive_url": question.archive_url,
        "content_type": question.content_type,
        "query": question.query,
    }
    try:
        return told | {"body": question.body.decode(), "is_base64": False}
    except UnicodeDecodeError:
        return told | {"body": base64.b64encode(question.body).decode(), "is_base64": True}
