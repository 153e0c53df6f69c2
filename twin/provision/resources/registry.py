"""Resource types and their functions: `apply(aws, name, existing, **properties) -> Applied` and `delete(aws, ref, properties)`.

`name` is the physical name to use if the template gives none; `existing` is the Ref of an earlier run, or None. The signature of `apply`
lists the properties that the twin honours; nested ones are checked against botocore's model. Anything else is refused.
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from twin.provision.aws import UnsupportedProperty


class Applied(NamedTuple):
    """What Ref and GetAtt give for a resource."""

    ref: str
    attributes: Mapping[str, Any] = MappingProxyType({})


APPLY: dict[str, Callable[..., Applied]] = {}
DELETE: dict[str, Callable[..., None]] = {}


def applies(resource_type: str) -> Callable[[Callable[..., Applied]], Callable[..., Applied]]:
    """Register what creates and updates a type."""
    return lambda function: APPLY.setdefault(resource_type, function)


def deletes(resource_type: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register what deletes a type."""
    return lambda function: DELETE.setdefault(resource_type, function)


def check_properties(name: str, resource_type: str, properties: dict[str, Any]) -> None:
    """Refuse a type or a property that the twin does not have, before anything is applied.

    Raises:
        UnsupportedProperty: with the resource's name.
    """
    if resource_type not in APPLY:
        raise UnsupportedProperty(f"{name}: the twin has no resource type {resource_type}")
    known = inspect.signature(APPLY[resource_type]).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return  # passed on: checked against the operation's model when it is applied
    if unknown := set(properties) - set(known):
        raise UnsupportedProperty(f"{name} ({resource_type}): {', '.join(sorted(unknown))}")


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """CloudFormation's list of tags as the map that some services want."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}
