"""boto3, strict: CloudFormation's values become what the operation's botocore model wants; what the model does not know is refused.

CloudFormation and the APIs differ in three ways that this levels: PascalCase against camelCase, scalars as strings against typed ones,
policy documents as objects against JSON strings.
"""

import json
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.config import Config

from twin.clients import make_client
from twin.identity import Keys


class UnsupportedProperty(Exception):
    """The template says something that the twin would silently not do."""


class Aws:
    """Clients of one twin, with the root keys."""

    def __init__(self, endpoint_url: str, region: str, account: str, keys: Keys):
        self.endpoint_url, self.region, self.account = endpoint_url, region, account
        self._keys = keys
        self._config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=900)
        self.client = cache(self._make_client)

    def _make_client(self, service: str) -> Any:
        return make_client(service, self.region, self.endpoint_url, self._keys, self._config)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation with CloudFormation's values; None means not given.

        Raises:
            UnsupportedProperty: a member that the operation does not have.
        """
        client = self.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        given = {name: value for name, value in parameters.items() if value is not None}
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**fit(shape, given, operation))
        return answer


def fit(shape: Any, value: Any, path: str) -> Any:
    """A value in the form of a botocore shape."""
    match shape.type_name:
        case "structure":
            members = {_member(shape, name, path): (name, inner) for name, inner in value.items()}
            return {member: fit(shape.members[member], inner, f"{path}.{name}") for member, (name, inner) in members.items()}
        case "list":
            return [fit(shape.member, inner, f"{path}[]") for inner in value]
        case "map":
            return {name: fit(shape.value, inner, f"{path}.{name}") for name, inner in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        case "string":
            return _text(value)
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _member(shape: Any, name: str, path: str) -> str:
    for candidate in (name, name[0].lower() + name[1:]):
        if candidate in shape.members:
            return candidate
    raise UnsupportedProperty(f"{path}.{name}")
