"""Evaluates IAM policy documents: explicit deny wins, then any allow. Pure.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators". A condition that is not understood
makes an Allow void and a Deny hold, so that a gap in the twin can only deny too much.
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple


class Need(NamedTuple):
    """One permission that a request needs: an action on a resource in a context of condition keys (lower case)."""

    action: str
    resource: str
    context: Mapping[str, str | list[str]] = {}


def is_allowed(documents: Iterable[str | Mapping[str, Any]], need: Need) -> bool:
    """Whether the documents together allow what is needed."""
    allowed = False
    for document in documents:
        for statement in _statements(document):
            if not _matches(statement, need):
                continue
            if statement["Effect"] == "Deny" and _condition_holds(statement, need, when_unknown=True):
                return False
            if statement["Effect"] == "Allow" and _condition_holds(statement, need, when_unknown=False):
                allowed = True
    return allowed


@lru_cache(maxsize=512)
def _parsed(document: str) -> Any:
    return json.loads(document)


def _statements(document: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    parsed = _parsed(document) if isinstance(document, str) else document
    return as_list(parsed["Statement"])


def as_list(value: Any) -> list[Any]:
    """A policy's one-or-many values, always as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def wildcard_match(pattern: str, value: str) -> bool:
    """IAM's wildcards: `*` and `?` only; brackets are ordinary characters."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _matches(statement: Mapping[str, Any], need: Need) -> bool:
    action = need.action.lower()
    if "Action" in statement:
        hit = any(wildcard_match(a.lower(), action) for a in as_list(statement["Action"]))
    else:
        hit = not any(wildcard_match(a.lower(), action) for a in as_list(statement["NotAction"]))
    if not hit:
        return False
    if "NotResource" in statement:
        return not any(wildcard_match(r, need.resource) for r in as_list(statement["NotResource"]))
    return any(wildcard_match(r, need.resource) for r in as_list(statement.get("Resource")))


def _condition_holds(statement: Mapping[str, Any], need: Need, when_unknown: bool) -> bool:
    for operator, tests in statement.get("Condition", {}).items():
        for key, wanted in tests.items():
            result = _test(operator, need.context.get(key.lower()), as_list(wanted))
            if not (when_unknown if result is None else result):
                return False
    return True


_EQUAL = {
    "stringequals": lambda value, wanted: value == wanted,
    "stringequalsignorecase": lambda value, wanted: value.lower() == wanted.lower(),
    "stringlike": lambda value, wanted: wildcard_match(wanted, value),
    "arnequals": lambda value, wanted: wildcard_match(wanted, value),
    "arnlike": lambda value, wanted: wildcard_match(wanted, value),
    "bool": lambda value, wanted: value.lower() == str(wanted).lower(),
}
_OPERATOR = re.compile(r"(?:(forallvalues|foranyvalue):)?(\w+?)(ifexists)?$")


def _test(operator: str, value: str | list[str] | None, wanted: list[Any]) -> bool | None:
    """True, False, or None when the operator or the key is not one that the twin knows."""
    parsed = _OPERATOR.match(operator.lower())
    if parsed is None:
        return None
    quantifier, name, if_exists = parsed.groups()
    is_negated = "not" in name
    compare = _EQUAL.get(name.replace("not", "", 1))
    if compare is None:
        return None
    if value is None:
        return True if if_exists else None
    hits = [any(compare(v, str(w)) for w in wanted) != is_negated for v in as_list(value)]
    return any(hits) if quantifier == "foranyvalue" else all(hits)
