"""The server as a Batch Transform container: what it cannot answer it tells with 200, and what may pass it lets SageMaker try again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios.answering import UndecodableInput
from server.errors import RequestError
from server.settings import read_settings
from tests.unit.serving.test_server_parts import ask, ready


@pytest.mark.parametrize(
    ("error", "code"),
    [(UndecodableInput("not a picture"), "1002"), (KeyError("x"), "2001"), (RequestError(ErrorCode.MODEL_FORWARD_ERROR, "nan"), "2003")],
)
def test_an_object_that_cannot_be_answered_about_is_told_with_200_and_the_reason(error: Exception, code: str) -> None:
    serving = ready(error)
    serving.settings = replace(serving.settings, is_batch=True)
    sent = ask(serving)
    told = json.loads(sent[1]["body"])
    assert (sent[0]["status"], told["success"], told["errorCode"]) == (200, False, code)
    assert told["detail"]


def test_what_may_pass_is_tried_again() -> None:
    serving = ready(MemoryError())
    serving.settings = replace(serving.settings, is_batch=True)
    assert ask(serving)[0]["status"] == 503


def test_settings_of_a_transform_job_come_from_its_environment() -> None:
    told = read_settings({"SAGEMAKER_BATCH": "true", "SERVER_OPTIONS": "top=3&pos=pixels"})
    assert (told.is_batch, told.options) == (True, {"top": "3", "pos": "pixels"})
    assert read_settings({}).is_batch is False


def test_a_request_without_options_gets_those_of_the_settings() -> None:
    serving = ready(None)
    serving.settings = replace(serving.settings, options={"top": "3"})
    assert "'top': '3'" in json.loads(ask(serving)[1]["body"])[2]
    assert "'top': '1'" in json.loads(ask(serving, query=b"top=1")[1]["body"])[2]
