"""API Gateway HTTP APIs: Api, Integration, Route and Stage have the same life: Create<Part>, Update<Part>, and an id."""

from collections.abc import Callable
from typing import Any

from twin.provision.aws import Aws
from twin.provision.resources.registry import APPLY, DELETE, Applied

_ID = {"Api": "ApiId", "Integration": "IntegrationId", "Route": "RouteId", "Stage": "StageName"}
_CREATE_ONLY = {"Api": {"ProtocolType"}}


def _functions_of(part: str) -> tuple[Callable[..., Applied], Callable[..., None]]:
    key = _ID[part]

    def apply(aws: Aws, _name: str, existing: str | None, **properties: Any) -> Applied:
        if existing is None:
            existing = str(aws.call("apigatewayv2", f"Create{part}", **properties)[key])
        else:
            fixed = _CREATE_ONLY.get(part, set()) | {key}
            changed = {name: value for name, value in properties.items() if name not in fixed}
            aws.call("apigatewayv2", f"Update{part}", **{key: existing}, **changed)
        endpoint = f"https://{existing}.execute-api.{aws.region}.amazonaws.com"
        return Applied(existing, {key: existing, "ApiEndpoint": endpoint})

    def delete(aws: Aws, ref: str, properties: dict[str, Any]) -> None:
        parent = {} if part == "Api" else {"ApiId": properties["ApiId"]}
        aws.call("apigatewayv2", f"Delete{part}", **{key: ref}, **parent)

    return apply, delete


for _part in _ID:
    APPLY[f"AWS::ApiGatewayV2::{_part}"], DELETE[f"AWS::ApiGatewayV2::{_part}"] = _functions_of(_part)
