"""The request's form: what the hand-written checks accept is what the contract's pydantic models describe, and nothing more."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from droplearn.contracts.prediction import ErrorCode, PredictionError, PredictionRequest, PredictionSuccess
from server.codec import IMAGES, failure, parse_inputs, success
from server.errors import RequestError

JSON = "application/json"


def body(*entries: object) -> bytes:
    return json.dumps({"dataArray": list(entries)}).encode()


def entry(raw: bytes = b"bytes", **more: object) -> dict[str, object]:
    return {"name": "image", "type": "stream", "body": base64.b64encode(raw).decode()} | more


def refusal(raw: bytes, content_type: str = JSON) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse_inputs(raw, content_type, 64)
    assert caught.value.code is ErrorCode.INPUT_FORMAT_ERROR
    return caught.value


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5))
def test_any_bytes_survive_the_json_form(inputs: list[bytes]) -> None:
    assert parse_inputs(body(*(entry(raw) for raw in inputs)), JSON, 64) == inputs


def test_name_and_type_are_optional() -> None:
    assert parse_inputs(body({"body": base64.b64encode(b"x").decode()}), JSON, 64) == [b"x"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"dataArray": null}',
        b'{"dataArray": []}',
        b'{"dataArray": {}}',
        body("text"),
        body({}),
        body({"body": ""}),
        body({"body": 5}),
        body({"body": None}),
        body(entry(type="url")),
        body(entry(type=None)),
        body(entry(name=7)),
        body({"body": "not base64!"}),
        body({"body": "QQ"}),
        body({"body": "QQ==QQ=="}),
        body({"body": "QUJD\nREVG"}),
        body({"body": "-_8="}),
        body({"body": "data:image/png;base64,QQ=="}),
        body({"body": "QQ==é"}),
        body(entry(), {"body": "?"}),
        b'{"dataArray": [{"body": "\xff"}]}',
    ],
)
def test_every_malformed_request_is_1001_with_a_reason(raw: bytes) -> None:
    assert refusal(raw).detail


def test_the_reason_names_the_place() -> None:
    assert "dataArray[1].body" in refusal(body(entry(), {"body": "?"})).detail


def test_too_many_inputs_are_refused() -> None:
    with pytest.raises(RequestError, match="the limit is 2"):
        parse_inputs(body(entry(), entry(), entry()), JSON, 2)


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "IMAGE/PNG", "image/bmp; q=1", "image/webp", "application/x-image", "application/octet-stream"]
)
def test_picture_types_are_taken_as_they_are(content_type: str) -> None:
    assert IMAGES.is_raw(content_type)
    assert parse_inputs(b"anything", content_type, 64) == [b"anything"]
    refusal(b"", content_type)


@pytest.mark.parametrize("content_type", ["", JSON, "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"])
def test_all_other_types_are_taken_for_json(content_type: str) -> None:
    assert parse_inputs(body(entry()), content_type, 64) == [b"bytes"]


_VALUES = st.one_of(st.none(), st.integers(), st.text("abQ=!é", max_size=8), st.just("stream"), st.just("QUJD"))


@given(st.dictionaries(st.sampled_from(["name", "type", "body", "other"]), _VALUES))
def test_the_hand_written_checks_agree_with_the_contract(candidate: dict[str, Any]) -> None:
    try:
        PredictionRequest.model_validate({"dataArray": [candidate]})
        is_documented = True
    except ValidationError:
        is_documented = False
    problem = ""
    try:
        parse_inputs(body(candidate), JSON, 64)
    except RequestError as error:
        problem = error.detail
    assert is_documented == (problem == "" or "not base64" in problem)


def test_success_is_byte_for_byte_v3() -> None:
    told = success("cv_common", [[{"label": "猫", "conf": 0.5}]], {"height": 3, "width": 4})
    assert (
        told.decode()
        == '{"success":true,"result":{"output":[{"type":"cv_common","body":[{"label":"猫","conf":0.5}]}],"meta":{"height":3,"width":4}}}'
    )
    assert PredictionSuccess.model_validate_json(told).result.meta.width == 4


@pytest.mark.parametrize("code", ErrorCode)
def test_failure_is_byte_for_byte_v5(code: ErrorCode) -> None:
    told = failure(code)
    assert told.decode() == f'{{"success":false,"errorCode":"{code.code}","errorMsg":"{code.name}"}}'
    assert PredictionError.model_validate_json(told).errorCode == code.code
    assert orjson.loads(told) == code.to_dict()
