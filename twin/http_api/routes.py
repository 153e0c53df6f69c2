"""Which function answers a request: the most specific route wins, `$default` last. Routes are those that the template made.

Source: API Gateway developer guide, "Create routes for HTTP APIs".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from twin.provision.aws import Aws


class RouteNotInvokable(Exception):
    """No AWS::Lambda::Permission lets the API invoke the function of a route."""


@dataclass(frozen=True)
class Route:
    """One route: its key (`POST /v1/x/{id}` or `$default`) and its function."""

    key: str
    function_arn: str

    @property
    def method(self) -> str:
        """`ANY`, a method, or `$default`."""
        return self.key.split(" ")[0]

    @property
    def path(self) -> str:
        """The path with its placeholders; empty for `$default`."""
        return self.key.partition(" ")[2]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters, when the route answers this request."""
        if self.key == "$default":
            return {}
        if self.method not in ("ANY", method):
            return None
        found = self._pattern().fullmatch(path)
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)(\+?)\}", self.path)
        text = re.escape(parts[0])
        for name, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            text += f"(?P<{name}>{'.+' if greedy else '[^/]+'})" + re.escape(literal)
        return re.compile(text)

    def specificity(self) -> tuple[Any, ...]:
        """Sorts the most specific route first."""
        if self.key == "$default":
            return (3, (), 0)
        segments = tuple(2 if "+}" in part else 1 if "{" in part else 0 for part in self.path.split("/"))
        return (2 if "+}" in self.path else 1, segments, self.method == "ANY")


@dataclass(frozen=True)
class Api:
    """An HTTP API: its routes, the most specific first, and its CORS configuration."""

    id: str
    account: str
    region: str
    routes: tuple[Route, ...]
    cors: Mapping[str, Any] | None = None

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request, and its path parameters."""
        for route in self.routes:
            parameters = route.match(method, path)
            if parameters is not None:
                return route, parameters
        return None


def read_api(aws: Aws, api_id: str) -> Api:
    """The API as the template made it.

    Raises:
        RouteNotInvokable: a permission is missing.
    """
    integrations = {item["IntegrationId"]: item for item in aws.call("apigatewayv2", "GetIntegrations", ApiId=api_id)["Items"]}
    routes = []
    for item in aws.call("apigatewayv2", "GetRoutes", ApiId=api_id)["Items"]:
        integration = integrations[item["Target"].split("/")[1]]
        route = Route(item["RouteKey"], _function_arn(integration["IntegrationUri"]))
        _require_permission(aws, api_id, route)
        routes.append(route)
    cors = aws.call("apigatewayv2", "GetApi", ApiId=api_id).get("CorsConfiguration")
    return Api(api_id, aws.account, aws.region, tuple(sorted(routes, key=Route.specificity)), cors)


def _function_arn(integration_uri: str) -> str:
    """The function of a Lambda ARN, or of API Gateway's own form of it."""
    found = re.search(r"arn:aws:lambda:[\w-]+:\d+:function:[\w-]+", integration_uri)
    if found is None:
        raise ValueError(f"not a Lambda integration: {integration_uri}")
    return found[0]


def _require_permission(aws: Aws, api_id: str, route: Route) -> None:
    """API Gateway answers 500 without an AWS::Lambda::Permission; the twin does not start."""
    client = aws.client("lambda")
    source = f"arn:aws:execute-api:{aws.region}:{aws.account}:{api_id}/$default/"
    source += "$default" if route.key == "$default" else f"{'*' if route.method == 'ANY' else route.method}{route.path}"
    try:
        statements = json.loads(client.get_policy(FunctionName=route.function_arn)["Policy"])["Statement"]
    except client.exceptions.ResourceNotFoundException:
        statements = []
    if not any(_lets_gateway(statement, source) for statement in statements):
        raise RouteNotInvokable(f"no AWS::Lambda::Permission lets {source} invoke {route.function_arn}")


def _lets_gateway(statement: Mapping[str, Any], source: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    patterns = [v for test in statement.get("Condition", {}).values() for k, v in test.items() if k.lower() == "aws:sourcearn"]
    return service == "apigateway.amazonaws.com" and all(fnmatchcase(source, pattern) for pattern in patterns)
