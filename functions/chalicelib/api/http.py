"""The Lambda `api`: authentication, routes, errors. One resolver; the routes stand in one module per noun."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError

from chalicelib.api import (
    batch_jobs,
    budgets,
    datasets,
    evaluations,
    filters,
    models,
    openapi,
    preview_page,
    previews,
    projects,
    scenarios,
    service_monitoring,
    service_tests,
    service_versions,
    services,
    strategies,
    tasks,
    tokens,
    trials,
)
from chalicelib.api.calling import enter
from chalicelib.api.errors import MethodNotAllowed, Reply, UnsupportedMediaType, reply_to
from chalicelib.api.wrong_fields import invalid_request
from droplearn import __version__
from droplearn.contracts.errors import DropLearnError, InternalError, InvalidRequest, NotFound

logger = logging.getLogger("droplearn.api")
_FORM = ("application/x-www-form-urlencoded", "multipart/form-data")
_PREDICT = re.compile(r"/v1/services/[^/]+/predict")
"""Another Lambda's: what comes here did not come by POST."""
_TRIAL = re.compile(r"/v1/models/[^/]+/trial")
"""Its body is the model's to read, whatever it calls itself."""
resolver = APIGatewayHttpResolver(enable_validation=True)
MODULES = (
    scenarios,
    projects,
    budgets,
    datasets,
    tasks,
    models,
    previews,
    evaluations,
    services,
    service_versions,
    service_monitoring,
    service_tests,
    batch_jobs,
    tokens,
    strategies,
    filters,
    trials,
)
for module in MODULES:
    resolver.include_router(module.router)


@resolver.get("/v1/health", summary="Is anybody there?", tags=["health"])
def health() -> dict[str, str]:
    """Public."""
    return {"status": "ok", "version": __version__}


@resolver.get("/v1/openapi.json", summary="This document", tags=["health"])
def openapi_document() -> dict[str, Any]:
    """Public."""
    return openapi.document(resolver)


@resolver.not_found
def unknown_route(_error: Exception) -> Any:
    """404, or 405 where another method would do."""
    method, path = resolver.current_event.http_method.upper(), resolver.current_event.path
    routes = resolver._static_routes + resolver._dynamic_routes
    allowed = sorted({route.method for route in routes if route.rule.match(path)})
    if allowed := allowed or (["POST"] if _PREDICT.fullmatch(path) else []):
        raise MethodNotAllowed(
            "route.method_not_allowed", f"{method} is not possible here.", hint=f"Use {', '.join(allowed)}.", details={"allowed": allowed}
        )
    raise NotFound("route.unknown", f"There is no {path}.", hint="See /v1/openapi.json.")


@resolver.exception_handler([DropLearnError, RequestValidationError, RequestUnsupportedContentType])  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    """What a route raises; Powertools would answer, and log, in its own form."""
    reply = _reply_to(error, _id_of(resolver.lambda_context))
    return Response(status_code=reply["statusCode"], headers=dict(reply["headers"]), body=reply["body"])


def handle(event: dict[str, Any], context: Any) -> Reply:
    """Every answer, also a failure of ours, has the one error form."""
    try:
        given = event | {"rawPath": unquote(event["rawPath"])}
        if given["rawPath"].startswith(preview_page.PREFIX):
            return preview_page.answer(given)
        enter(given, is_public=given["rawPath"] in openapi.PUBLIC)
        is_form = (given.get("headers") or {}).get("content-type", "").startswith(_FORM)
        if is_form and not _TRIAL.fullmatch(given["rawPath"]):  # Powertools would read its fields
            raise _not_json()
        return resolver.resolve(given, context)  # type: ignore[return-value]
    except Exception as error:  # noqa: BLE001 (the edge: nothing may leave but an answer)
        return _reply_to(error, _id_of(context))


def _id_of(context: Any) -> str:
    return getattr(context, "aws_request_id", "") or ""


def _not_json() -> UnsupportedMediaType:
    return UnsupportedMediaType("request.not_json", "The body is not JSON.", hint="Send `Content-Type: application/json`.")


def _reply_to(error: Exception, request_id: str) -> Reply:
    if isinstance(error, RequestValidationError):
        error = invalid_request(error.errors())
    elif isinstance(error, RequestUnsupportedContentType):
        error = _not_json()
    elif isinstance(error, (BadRequestError, UnicodeDecodeError)):
        error = InvalidRequest("request.invalid", "The body cannot be read.", hint="Send JSON in UTF-8.")
    elif not isinstance(error, DropLearnError) or isinstance(error, InternalError):
        logger.error("request %s failed", request_id, exc_info=error)
    return reply_to(error, request_id)
