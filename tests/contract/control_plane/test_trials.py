"""The trial over HTTP, on fakes: the prediction form with what is left beside it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.ports import TrialAnswer
from chalicelib.settings import Settings
from droplearn.contracts.status import Permission
from tests.contract.control_plane.conftest import Call
from tests.unit.control_plane.things import PROJECT, a_model


@pytest.fixture
def model(fake_platform: Any) -> str:
    fake_platform.settings = Settings({"TRIALS_PER_DAY": "2"})
    return a_model(fake_platform).id


def test_an_answer_says_what_is_left(call: Call, model: str, fake_platform: Any):
    status, body = call("POST", f"/v1/models/{model}/trial", {"dataArray": []}, query="top=3&pos=pixels")
    assert (status, body["success"], body["trial"]["remaining"]) == (200, True, 1)
    assert fake_platform.trial_runner.asked[0].query == "top=3&pos=pixels"
    fake_platform.trial_runner.reply = TrialAnswer(400, b'{"success": false, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"}')
    status, body = call("POST", f"/v1/models/{model}/trial", b"\xff\xd8 raw", **{"content-type": "image/jpeg"})
    assert (status, body["errorCode"], body["trial"]["remaining"]) == (400, "1001", 0)
    assert fake_platform.trial_runner.asked[1].body == b"\xff\xd8 raw"
    status, body = call("POST", f"/v1/models/{model}/trial", {})
    assert (status, body["error"]["code"]) == (429, "trial.used_up")
    status, body = call("GET", f"/v1/models/{model}/trial")
    assert (status, body["trial"]["used"], [c["http_status"] for c in body["calls"]]) == (200, 2, [400, 200])


def test_it_needs_predict_in_the_models_project(call: Call, model: str, fake_platform: Any):
    for permissions, status in (([Permission.LIST_PROJECT], 403), ([Permission.PREDICT], 200)):
        made = call("POST", "/v1/tokens", {"permissions": permissions, "projects": [PROJECT]})[1]
        assert call("POST", f"/v1/models/{model}/trial", {}, token=made["token"])[0] == status
    assert call("GET", "/v1/models/model-none/trial")[0] == 404


def test_a_variant_that_there_is_not_is_refused(call: Call, model: str, fake_platform: Any):
    for variant, status, code in (("int4", 400, "request.invalid"), ("int8", 409, "variant.not_published")):
        told = call("POST", f"/v1/models/{model}/trial", {}, query=f"variant={variant}")
        assert (told[0], told[1]["error"]["code"]) == (status, code)
    assert call("POST", f"/v1/models/{model}/trial", {}, query="variant=fp32&top=1")[0] == 200
    assert fake_platform.trial_runner.asked[0].query == "top=1", "the server is not told of the variant"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_question_that_calls_itself_a_form_is_asked_as_it_is(call: Call, model: str, fake_platform: Any, kind: str):
    """As `curl -d` sends it, and as a service answers it."""
    assert call("POST", f"/v1/models/{model}/trial", b"{}", **{"content-type": kind})[0] == 200
    assert fake_platform.trial_runner.asked[0].body == b"{}"
