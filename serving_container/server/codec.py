"""The bytes of a request to the bytes of its inputs, and answers to bytes (V-2, V-3). Pure.

The hot path checks by hand what `contracts.prediction.PredictionRequest` documents; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pybase64

from droplearn.contracts.prediction import ErrorCode
from server.errors import RequestError

_ALWAYS_RAW = {"application/x-image", "application/octet-stream"}


class Media(NamedTuple):
    """What a scenario takes beside the JSON form: bodies of these types (by their beginnings) as they are, and `{"rows": [...]}`."""

    prefixes: tuple[str, ...]
    takes_rows: bool = False

    def is_raw(self, content_type: str) -> bool:
        """True: the body is one input. All else is taken for JSON, whatever it is called: `curl -d` calls it a form."""
        media_type = content_type.partition(";")[0].strip().lower()
        return media_type.startswith(self.prefixes) or media_type in _ALWAYS_RAW


IMAGES = Media(("image/",))


def parse_inputs(body: bytes, content_type: str, max_inputs: int, media: Media = IMAGES) -> list[bytes]:
    """At least one. Raises RequestError 1001."""
    if media.is_raw(content_type):
        if not body:
            raise _refuse("The body is empty.")
        return [body]
    request = _parsed(body)
    if media.takes_rows and isinstance(request, dict) and "dataArray" not in request and "rows" in request:
        return [body]
    return [_input_bytes(entry, place) for place, entry in enumerate(_data_array(request, max_inputs))]


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refuse(f"The body is not JSON: {error}") from error


def _data_array(request: Any, max_inputs: int) -> list[Any]:
    entries = request.get("dataArray") if isinstance(request, dict) else None
    if not isinstance(entries, list) or not entries:
        raise _refuse("dataArray must be a list with at least one entry.")
    if len(entries) > max_inputs:
        raise _refuse(f"dataArray has {len(entries)} entries; the limit is {max_inputs}.")
    return entries


def _input_bytes(entry: Any, place: int) -> bytes:
    where = f"dataArray[{place}]"
    if not isinstance(entry, dict):
        raise _refuse(f"{where} must be an object.")
    if not isinstance(entry.get("name"), str | None):
        raise _refuse(f"{where}.name must be a string.")
    if entry.get("type", "stream") != "stream":
        raise _refuse(f'{where}.type must be "stream".')
    text = entry.get("body")
    if not isinstance(text, str) or not text:
        raise _refuse(f"{where}.body must be a string of base64.")
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise _refuse(f"{where}.body is not base64: {error}") from error


def success(output_type: str, answers: Sequence[list[dict[str, Any]]], meta: Mapping[str, int]) -> bytes:
    """The body of a 200."""
    output = [{"type": output_type, "body": answer} for answer in answers]
    return orjson.dumps({"success": True, "result": {"output": output, "meta": meta}})


def failure(code: ErrorCode, detail: str | None = None) -> bytes:
    """The body of any other; `detail` only for a caller who asked for it (V-5 has none)."""
    return orjson.dumps(code.to_dict() | ({"detail": detail} if detail is not None else {}))


def _refuse(why: str) -> RequestError:
    return RequestError(ErrorCode.INPUT_FORMAT_ERROR, why)
