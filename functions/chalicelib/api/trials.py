"""`/v1/models/{model}/trial`: predictions without an endpoint."""

from __future__ import annotations

import base64
import binascii
import json
from typing import get_args
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from chalicelib.api.calling import require
from chalicelib.api.errors import JSON
from chalicelib.api.parameters import Cursor, FewRows
from chalicelib.api.services import ModelVariant
from chalicelib.api.trial_views import QuotaView, TrialCallView, TrialView
from chalicelib.bootstrap import platform
from chalicelib.domain.trial import trial_calls_of
from chalicelib.service import trials
from chalicelib.service.finding import find_model
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.optimisation import AS_TRAINED
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


@router.post("/v1/models/<model>/trial", summary="Predict without a service", tags=["models"], include_in_schema=False)
def try_model(model: str) -> Response[str]:
    """As a service is asked, with `variant` among the options; the answer has `trial` beside it. Needs Predict. See openapi.py."""
    require(Permission.PREDICT, find_model(platform(), model).project)
    event = router.current_event
    options = dict(event.query_string_parameters or {})
    variant = _variant(options.pop("variant", AS_TRAINED))
    content_type = event.headers.get("content-type") or JSON
    body = _body(event.get("body") or "", is_base64=bool(event.get("isBase64Encoded")))
    order = trials.TrialOrder(model, body, content_type, urlencode(options), variant)
    tried = trials.try_model(platform(), order, platform().settings.trials_per_day)
    answer = tried.answer | {"trial": QuotaView.model_validate(tried.quota).model_dump()}
    return Response(status_code=tried.http_status, content_type=JSON, body=json.dumps(answer, ensure_ascii=False))


@router.get("/v1/models/<model>/trial", summary="Get what is left of a model's trials, and those made", tags=["models"])
def get_trials(model: str, limit: FewRows = 20, cursor: Cursor = None) -> TrialView:
    """A month of them, newest first. Needs ListProject."""
    found = find_model(platform(), model)
    require(Permission.LIST_PROJECT, found.project)
    quota = trials.read_quota(platform(), found, platform().settings.trials_per_day)
    known = platform().trials.get(model)
    total = known.total if known else 0
    page = platform().trial_calls.page(trial_calls_of(model), limit, cursor, is_newest_first=True)
    calls = [TrialCallView.model_validate(vars(c) | {"input_url": trials.input_link(platform(), c, total)}) for c in page.items]
    return TrialView(model=model, trial=QuotaView.model_validate(quota), calls=calls, next_cursor=page.cursor)


def _variant(name: str) -> str:
    if name not in get_args(ModelVariant):
        raise InvalidRequest("request.invalid", f"{name!r} is no variant.", hint=f"One of: {', '.join(get_args(ModelVariant))}.")
    return name


def _body(text: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return text.encode()
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("request.invalid", "The body cannot be read.", hint="Send the file's bytes, or JSON.") from error
