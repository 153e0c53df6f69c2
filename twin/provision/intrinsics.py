"""CloudFormation's intrinsic functions: what a value depends on, and what it resolves to. An unknown function raises. Pure."""

import re
from collections.abc import Callable
from typing import Any

NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class UnsupportedIntrinsic(Exception):
    """The template uses a function that the twin does not know."""


def dependencies(node: Any) -> set[str]:
    """Logical ids, parameters and pseudo parameters that a value refers to."""
    if isinstance(node, list):
        return set[str]().union(*map(dependencies, node))
    if not isinstance(node, dict):
        return set()
    if len(node) == 1:
        ((function, argument),) = node.items()
        if function == "Ref":
            return {argument}
        if function == "Fn::GetAtt":
            return {_get_att(argument)[0]}
        if function == "Fn::Sub":
            text, bound = argument if isinstance(argument, list) else (argument, {})
            names = {name.split(".")[0] for literal, name in _PLACEHOLDER.findall(text) if not literal}
            return (names - set(bound)) | dependencies(bound)
    return set[str]().union(*map(dependencies, node.values()))


class Resolver:
    """Resolves values. `ref(name)` and `attribute(name, attribute)` know the parameters and the resources applied so far."""

    def __init__(
        self,
        ref: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        conditions: dict[str, Any],
        mappings: dict[str, Any],
    ):
        self._ref, self._attribute, self._conditions, self._mappings = ref, attribute, conditions, mappings
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::GetAtt": lambda argument: self._attribute(*_get_att(argument)),
            "Fn::Sub": self._sub,
            "Fn::Join": lambda argument: argument[0].join(map(str, self.resolve(argument[1]))),
            "Fn::Select": lambda argument: self.resolve(argument[1])[int(argument[0])],
            "Fn::Split": lambda argument: self.resolve(argument[1]).split(argument[0]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": lambda argument: self.resolve(argument[1] if self.condition(argument[0]) else argument[2]),
            "Fn::Equals": lambda argument: str(self.resolve(argument[0])) == str(self.resolve(argument[1])),
            "Fn::Not": lambda argument: not self.resolve(argument[0]),
            "Fn::And": lambda argument: all(map(self.resolve, argument)),
            "Fn::Or": lambda argument: any(map(self.resolve, argument)),
        }

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, node: Any) -> Any:
        """A value without functions.

        Raises:
            UnsupportedIntrinsic: a function that the twin does not know.
        """
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref":
                return NO_VALUE if argument == "AWS::NoValue" else self._ref(argument)
            if function == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if function.startswith("Fn::"):
                if function not in self._functions:
                    raise UnsupportedIntrinsic(function)
                return self._functions[function](argument)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not NO_VALUE}

    def _sub(self, argument: Any) -> str:
        text, bound = argument if isinstance(argument, list) else (argument, {})
        values = self.resolve(bound)

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in values:
                return str(values[name])
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _find_in_map(self, argument: Any) -> Any:
        first, second, third = map(self.resolve, argument)
        return self._mappings[first][second][third]


def _get_att(argument: Any) -> tuple[str, str]:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return name, attribute
