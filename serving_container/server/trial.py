"""The image as a Lambda: one prediction by a model that no endpoint holds. `server.trial.handle` is the function's handler.

The model comes through a link that the caller signed, so this function may read and write nothing of the account. It stays loaded for the
next call about the same model.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from droplearn.contracts.prediction import ErrorCode
from server.codec import failure
from server.errors import InvalidModel, translate
from server.json_log import log
from server.model_archive import fetch_model
from server.prediction import Prediction, load_prediction
from server.settings import Settings, read_settings


class _Held(NamedTuple):
    """`key` names the archive: another one of the same model is another model."""

    key: str
    prediction: Prediction


_held: list[_Held] = []


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`{"archive_key", "archive_url", "body", "is_base64", "content_type", "query"}` -> `{"http_status", "body", "load_s", "answer_s"}`, or
    `{"refused": {code, message, hint}}` for a model that cannot be served.
    """
    started = time.perf_counter()
    settings = read_settings(os.environ)
    try:
        prediction = _prediction(settings, str(event["archive_key"]), str(event["archive_url"]))
    except InvalidModel as error:
        log("model_refused", "error", **error.to_dict())
        return {"refused": error.to_dict()}
    loaded = time.perf_counter()
    http_status, body = _answer(prediction, settings, event)
    ended = time.perf_counter()
    return {"http_status": http_status, "body": body, "load_s": round(loaded - started, 3), "answer_s": round(ended - loaded, 3)}


def _answer(prediction: Prediction, settings: Settings, event: Mapping[str, Any]) -> tuple[int, str]:
    options = dict(parse_qsl(event.get("query") or ""))
    deadline = time.monotonic() + settings.request_timeout_s
    body = base64.b64decode(event["body"]) if event.get("is_base64") else str(event["body"]).encode()
    try:
        return 200, prediction.answer(body, str(event.get("content_type") or ""), options, deadline).decode()
    except Exception as error:  # noqa: BLE001 (the edge: every error becomes V-5 and a line in the log)
        told = translate(error)
        unforeseen = {"exception": repr(error)} if told.code is ErrorCode.UNKNOWN_ERROR else {}
        log("request_refused", "error" if told.http_status >= 500 else "warning", code=told.code.code, detail=told.detail, **unforeseen)
        return told.http_status, failure(told.code, told.detail if options.get("details") == "true" else None).decode()


def _prediction(settings: Settings, key: str, url: str) -> Prediction:
    """Raises InvalidModel. A model is forgotten before another is fetched: the disk and the memory hold one."""
    if _held and _held[0].key == key:
        return _held[0].prediction
    _held.clear()
    folder: Path = fetch_model(url)
    prediction = load_prediction(replace(settings, model_dir=folder))
    _held.append(_Held(key, prediction))
    return prediction
