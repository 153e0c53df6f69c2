"""Trials: counted exactly, given back when they failed through us, kept."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from chalicelib.domain.trial import MAX_KEPT_INPUT_BYTES, MAX_KEPT_INPUTS, WINDOW_S, trial_calls_of
from chalicelib.ports import TrialAnswer
from chalicelib.service.trials import TrialOrder, input_link, read_quota, try_model
from droplearn.contracts.errors import NotFound, Throttled, TransientError
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import a_model, a_platform

LIMIT = 3


def tried(platform: FakePlatform, content: bytes = b"picture", limit: int = LIMIT, name: str | None = "a.jpg") -> Any:
    entry = {"name": name, "type": "stream", "body": base64.b64encode(content).decode()}
    model = platform.models.get(a_model(platform).id)
    order = TrialOrder(model.id, json.dumps({"dataArray": [entry]}).encode(), "application/json", "top=1")
    return try_model(platform, order, limit)


def calls(platform: FakePlatform) -> list[Any]:
    return platform.trial_calls.page(trial_calls_of(a_model(platform).id), 100, is_newest_first=True).items


def test_so_many_are_free_and_then_the_answer_says_when_there_are_more():
    platform = a_platform()
    assert [tried(platform).quota.remaining for _ in range(LIMIT)] == [2, 1, 0]
    platform.pass_time(600)
    with pytest.raises(Throttled, match=r"trial\.used_up") as caught:
        tried(platform)
    assert caught.value.retry_after_s == caught.value.details["resets_in_s"] == WINDOW_S - 600
    platform.pass_time(WINDOW_S - 600)
    assert read_quota(platform, a_model(platform), LIMIT).remaining == LIMIT
    assert tried(platform).quota.remaining == LIMIT - 1


def test_the_window_begins_with_a_call_and_not_with_the_model():
    platform = a_platform()
    assert read_quota(platform, a_model(platform), LIMIT).resets_at is None
    platform.trial_runner.reply = TransientError("trial.failed", "x")
    with pytest.raises(TransientError):
        tried(platform)
    platform.pass_time(5000)
    platform.trial_runner.reply = TrialAnswer(200, b'{"success": true}')
    assert tried(platform).quota.resets_in_s == WINDOW_S


@pytest.mark.parametrize("reply", [TransientError("trial.failed", "x"), TrialAnswer(500, b'{"success": false, "errorCode": "2001"}')])
def test_what_fails_through_us_is_not_counted(reply: Any):
    platform = a_platform()
    platform.trial_runner.reply = reply
    for _ in range(LIMIT + 1):
        if isinstance(reply, Exception):
            with pytest.raises(TransientError):
                tried(platform)
        else:
            assert tried(platform).quota.remaining == LIMIT
    assert all(not call.is_counted for call in calls(platform))


def test_a_picture_that_cannot_be_read_counts_as_it_costs_the_same():
    platform = a_platform()
    platform.trial_runner.reply = TrialAnswer(400, b'{"success": false, "errorCode": "1002", "errorMsg": "IMAGE_DECODE_ERROR"}')
    told = tried(platform)
    assert (told.http_status, told.quota.remaining) == (400, LIMIT - 1)


def test_two_callers_at_once_never_get_more_than_there_is():
    platform = a_platform()
    tried(platform)
    change, stolen = platform.trials.change, []

    def somebody_else_first(key: str, changes: Any, only_if: Any = None) -> Any:
        if not stolen:
            stolen.append(change(key, {"used": 2, "total": 2}))
        return change(key, changes, only_if)

    platform.trials.change = somebody_else_first  # type: ignore[method-assign]
    assert tried(platform).quota.remaining == 0
    with pytest.raises(Throttled):
        tried(platform)


def test_the_history_has_name_digest_and_answer_and_inputs_up_to_a_size():
    platform = a_platform()
    tried(platform, b"small")
    tried(platform, b"x" * (MAX_KEPT_INPUT_BYTES + 1), name=None)
    large, small = calls(platform)
    assert (small.input_name, small.input_sha256, small.answer) == ("a.jpg", hashlib.sha256(b"small").hexdigest(), {"success": True})
    assert "trials/" in str(input_link(platform, small, 2))
    assert (large.input_name, large.input_bytes, input_link(platform, large, 2)) == (None, MAX_KEPT_INPUT_BYTES + 1, None)
    assert platform.trial_runner.asked[0].query == "top=1"
    assert platform.trial_runner.asked[0].archive_url.startswith("https://artifacts.example.com/tasks/")


def test_only_the_latest_inputs_are_kept():
    platform = a_platform()
    for number in range(MAX_KEPT_INPUTS + 2):
        tried(platform, b"%d" % number, limit=100)
    assert len([key for key in platform.artifacts.objects if key.startswith("trials/")]) == MAX_KEPT_INPUTS
    links = [input_link(platform, call, MAX_KEPT_INPUTS + 2) for call in calls(platform)]
    assert [link is None for link in links] == [False] * MAX_KEPT_INPUTS + [True] * 2


def test_a_limit_of_none_and_a_model_that_is_not_there():
    platform = a_platform()
    with pytest.raises(Throttled):
        tried(platform, limit=0)
    with pytest.raises(NotFound):
        try_model(platform, TrialOrder("model-none", b"{}", "application/json"), LIMIT)
