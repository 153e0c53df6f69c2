"""The API keeps what its OpenAPI document promises: requests made by schemathesis, in this process, on fakes."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.checks import positive_data_acceptance

from chalicelib.api.http import handle, resolver
from chalicelib.api.openapi import document
from chalicelib.service.tokens import issue_admin_token
from tests.contract.control_plane.http_front import wsgi_app

DOCUMENT = document(resolver)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = wsgi_app(handle)


@SCHEMA.auth()
class AdminToken:
    """So that schemathesis can also leave it out, and expect a 401."""

    value = ""

    def get(self, case: Any, context: Any) -> str:
        return AdminToken.value

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["authorization"] = f"Bearer {AdminToken.value}"


OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if not path.endswith("/predict")]
# A cursor is text to the document, but only the text that a list gave is one: valid requests with a made-up cursor are refused (400).
LIMITS: dict[str, Any] = {
    "max_examples": 8,
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_documented(path: str, method: str, mode: GenerationMode, fake_platform: Any):
    AdminToken.value = issue_admin_token(fake_platform)
    operation = SCHEMA[path][method.upper()]
    if mode is GenerationMode.NEGATIVE and not (operation.path_parameters or operation.query or operation.body):
        pytest.skip("nothing to get wrong")

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(**LIMITS)
    def check(case: Any) -> None:
        case.call_and_validate(excluded_checks=() if "cursor" not in str(operation.definition.raw) else (positive_data_acceptance,))

    check()


def test_schemathesis_has_its_checks():
    assert {"not_a_server_error", "response_schema_conformance", "status_code_conformance"} <= set(CHECKS.get_all_names())


def test_the_document_is_openapi_3_1_with_a_bearer_token_on_all_but_two_routes():
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    public = {path for path, item in DOCUMENT["paths"].items() for operation in item.values() if "security" not in operation}
    assert public == {"/v1/health", "/v1/openapi.json"}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_documents_its_errors_in_our_form(path: str, method: str):
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert {"400", "401", "403", "404", "500"} <= set(responses)
    assert responses["422"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]
