"""One object of the data bucket -> a running service's answer about it."""

from __future__ import annotations

import json

from chalicelib.domain.service import Service
from chalicelib.domain.service_test import ImageAnswer
from chalicelib.ports import Platform, StoredObject
from chalicelib.service.invoking import invoke
from droplearn.contracts.errors import DropLearnError
from droplearn.contracts.prediction import MAX_REQUEST_BYTES


def ask(platform: Platform, service: Service, image: StoredObject, query: str) -> ImageAnswer:
    """Whatever goes wrong about one object is told in its place."""
    told = ImageAnswer(key=image.key, size_bytes=image.size_bytes)
    if image.size_bytes > MAX_REQUEST_BYTES:
        return told.model_copy(update={"error": f"larger than {MAX_REQUEST_BYTES:,} bytes"})
    try:
        body = platform.service_images.read(image.key)
        if body is None:
            return told.model_copy(update={"error": "the object is gone"})
        answer = invoke(platform, service, body, "application/octet-stream", query)
        return told.model_copy(update={"answer": dict(json.loads(answer.body))})
    except DropLearnError as error:
        return told.model_copy(update={"error": f"{error.code}: {error.message}"})
    except (ValueError, TypeError):
        return told.model_copy(update={"error": "the answer is no JSON object"})
