"""The API keeps what its OpenAPI document promises over real HTTP too; the contract tests ask much more, in one process."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.twin.world import World


def test_every_answer_over_http_is_as_documented(world: World):
    schema = schemathesis.openapi.from_url(f"{world.connection.api_url}/v1/openapi.json")

    @schema.auth()
    class AdminToken:
        def get(self, case: Any, context: Any) -> str:
            return str(world.connection.admin_token)

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers["authorization"] = f"Bearer {data}"

    _, document = world.ask("GET", "/v1/openapi.json", token="")
    for path, item in document["paths"].items():
        for method in item:
            if not path.endswith("/predict"):
                check(schema[path][method.upper()])


def check(operation: Any) -> None:
    """A few generated requests; a made-up cursor is rightly refused although it fits the document."""
    excluded = (positive_data_acceptance,) if "cursor" in str(operation.definition.raw) else ()

    @given(case=operation.as_strategy())
    @settings(
        max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        case.call_and_validate(excluded_checks=excluded)

    ask()


def test_the_document_is_openapi_3_1_and_names_every_noun(world: World):
    status, document = world.ask("GET", "/v1/openapi.json", token="")
    assert status == 200
    assert document["openapi"].startswith("3.1")
    nouns = {path.split("/")[2] for path in document["paths"]}
    assert {"scenarios", "projects", "tasks", "models", "evaluations", "services", "tokens"} <= nouns
