"""The OpenAPI document: what Powertools derives from the routes, with our own error form in place of its."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from pydantic.json_schema import models_json_schema

from chalicelib.api.errors import JSON
from droplearn import __version__
from droplearn.contracts.prediction import PredictionError, PredictionRequest, PredictionSuccess
from droplearn.contracts.recommended import RecommendationReply, RecommendationRequest

_ERRORS = {
    "400": "A field is missing, unknown or out of bounds",
    "401": "No valid token",
    "402": "The project's budget does not cover it",
    "403": "The token lacks a permission point",
    "404": "No such thing",
    "405": "The method is not allowed here",
    "409": "The thing is in a state that does not allow this",
    "415": "The body is not JSON",
    "422": "The data cannot be used as it is",
    "429": "Too many requests",
    "500": "Ours: report the request id",
    "503": "Try again later",
}
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "Stable; see docs/reference/errors.md"},
                "message": {"type": "string", "description": "What is wrong"},
                "hint": {"type": "string", "description": "What to do about it"},
                "request_id": {"type": "string"},
                "details": {"type": "object"},
            },
        }
    },
}
PUBLIC = ("/v1/health", "/v1/openapi.json")


@cache
def document(resolver: APIGatewayHttpResolver) -> dict[str, Any]:
    """Derived once per process."""
    found = json.loads(
        resolver.get_openapi_json_schema(
            title="droplearn",
            version=__version__,
            description="Drop labelled data into a bucket; get an evaluated model behind an endpoint.",
        )
    )
    found["components"]["schemas"]["Error"] = _ERROR_SCHEMA
    found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    found["paths"]["/v1/services/{service}/predict"] = {"post": _predict_operation(found["components"]["schemas"])}
    found["paths"]["/v1/models/{model}/trial"]["post"] = _trial_operation()
    for path, operations in found["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    for code in ("400", "500", "503"):
        found["paths"]["/v1/models/{model}/trial"]["post"]["responses"][code]["content"] = _content("Error", "PredictionError")
    found["servers"] = [{"url": "/"}]
    return dict(found)


def _option(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_ANSWER_OPTIONS = [
    _option("top", "Labels of pictures and sounds: so many, the most confident first", type="integer", minimum=1, default=5),
    _option("threshold", "Objects: of at least this confidence", type="number", minimum=0, maximum=1, default=0.3),
    _option("pos", "Objects and text: corners as parts of the sides, or in pixels", type="string", enum=["relative", "pixels"]),
    _option("keys", "Text: `all`, `labelled`, or fields of your own, `Total,Date`", type="string", default="all"),
    _option("details", "A refusal's reason also in its body", type="string", enum=["true", "false"], default="false"),
]
"""In the query of a prediction. Those that its scenario does not know are ignored."""
_VERSION = _option("version", "Of a service's versions this one, not one by weight or, of tables, by user", type="string")


def _predict_operation(schemas: dict[str, Any]) -> dict[str, Any]:
    """Served by another Lambda, without Powertools."""
    questions, answers = (PredictionRequest, RecommendationRequest), (PredictionSuccess, PredictionError, RecommendationReply)
    models = [(model, "validation") for model in questions] + [(model, "serialization") for model in answers]
    _, defined = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas |= defined["$defs"]
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        "tags": ["services"],
        "summary": "Predict",
        "description": "With the service's own token, or one with Predict in its project.",
        "operationId": "predict_v1_services_service_predict_post",
        "parameters": [{"name": "service", "in": "path", "required": True, "schema": {"type": "string"}}, *_ANSWER_OPTIONS, _VERSION],
        "requestBody": {
            "required": True,
            "content": {JSON: _content("PredictionRequest", "RecommendationRequest")[JSON], "image/jpeg": picture, "image/png": picture},
        },
        "responses": {"200": {"description": "The best first", "content": _content("PredictionSuccess", "RecommendationReply")}},
    }


def _trial_operation() -> dict[str, Any]:
    """Its body is handed on as it comes, so Powertools does not see its form."""
    answer = {
        "type": "object",
        "required": ["trial"],
        "properties": {"trial": {"$ref": "#/components/schemas/QuotaView"}},
        "description": "As a service answers (PredictionSuccess or PredictionError), with what is left of the trials",
    }
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        "tags": ["models"],
        "summary": "Predict without a service",
        "description": "Some a day and model. The same body and options as a service takes. Needs Predict.",
        "operationId": "try_model_v1_models_model_trial_post",
        "parameters": [
            {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "variant", "in": "query", "schema": {"type": "string", "enum": ["fp32", "int8", "fp16"], "default": "fp32"}},
            *_ANSWER_OPTIONS,
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: _content("PredictionRequest")[JSON], "image/jpeg": picture, "image/png": picture},
        },
        "responses": {"200": {"description": "The best first", "content": {JSON: {"schema": answer}}}},
    }


def _content(*schemas: str) -> dict[str, Any]:
    references = [{"$ref": f"#/components/schemas/{name}"} for name in schemas]
    return {JSON: {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}


def _complete(path: str, operation: dict[str, Any]) -> None:
    if path not in PUBLIC:
        operation["security"] = [{"token": []}]
    content = _content("Error", "PredictionError", "RecommendationReply") if path.endswith("/predict") else _content("Error")
    operation["responses"] |= {code: {"description": text, "content": content} for code, text in _ERRORS.items()}
    if "204" in operation["responses"]:
        operation["responses"]["204"] = {"description": "Done"}
