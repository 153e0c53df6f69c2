"""A running endpoint's answer, of the version that is named if one is. The hot path: no pydantic, and no read unless a version is refused.

A version with instances of its own is a production variant, which InvokeEndpoint's TargetVariant names; the server behind it is told the
name, too, and refuses another. Versions that share instances, and the only one of a serverless endpoint, are told apart by the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from chalicelib.ports import Answer
from droplearn.contracts.errors import CapacityUnavailable

if TYPE_CHECKING:
    from chalicelib.domain.service import Service
    from chalicelib.ports import Platform

NAME = re.compile(r"v[1-9][0-9]{0,2}")


def invoke(platform: Platform, service: Service, body: bytes, content_type: str, query: str = "") -> Answer:
    """`service`: as it was lately; what its versions may have become since does not matter. Raises CapacityUnavailable
    (`service.not_running`), also while a version that is named comes or goes.
    """
    options = dict(parse_qsl(query))
    named = options.get("version", "")
    if service.is_shared or service.serverless or not NAME.fullmatch(named):  # a name that is none: any server refuses it
        return platform.invoker.invoke(service.id, body, content_type, query)
    try:
        return platform.invoker.invoke(service.id, body, content_type, query, variant=named)
    except CapacityUnavailable as error:
        now = platform.services.get(service.id)
        if error.code != "service.not_running" or now is None or not now.is_in_service or named in now.weights:
            raise
        return _refused(f"There is no version {named!r} here, but {', '.join(now.weights)}.", options)


def _refused(why: str, options: Mapping[str, str]) -> Answer:
    """As a server refuses it (V-5)."""
    told = {"success": False, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"}
    told |= {"detail": why} if options.get("details") == "true" else {}
    return Answer(400, json.dumps(told, separators=(",", ":")).encode(), "application/json")
