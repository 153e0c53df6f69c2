"""Paths, intrinsic functions, variables, JSONata, the context object."""

from __future__ import annotations

import re

from tests.contract.states_language.case import Case, last, states

JSONATA = {"QueryLanguage": "JSONata"}


CASES = [
    Case(
        "the-time-a-state-was-entered-has-milliseconds-and-z",
        states(A=last(Parameters={"at.$": "$$.State.EnteredTime"})),
        lambda r: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", r.output["at"]),
    ),
    Case(
        "jsonpath-intrinsics",
        states(
            A=last(
                Parameters={
                    "m.$": "States.MathAdd($.x, 1)",
                    "l.$": "States.ArrayLength($.l)",
                    "j.$": "States.JsonMerge($.o, $.p, false)",
                    "b.$": "States.Base64Encode('hi')",
                    "s.$": "States.StringSplit('a,b', ',')",
                    "f.$": "States.JsonToString($.o)",
                },
            ),
        ),
        {"m": 3, "l": 3, "j": {"a": 1, "b": 2}, "b": "aGk=", "s": ["a", "b"], "f": '{"a":1}'},
        {"x": 2, "l": [1, 2, 3], "o": {"a": 1}, "p": {"b": 2}},
    ),
    Case(
        "variables",
        states(A={"Type": "Pass", "Assign": {"v.$": "$.x"}, "Next": "B"}, B=last(Parameters={"o.$": "$v"})),
        {"o": 9},
        {"x": 9},
    ),
    Case(
        "jsonata-output",
        JSONATA | states(A=last(Output={"s": "{% $sum($states.input.l) %}", "u": "{% $uppercase('a') %}"})),
        {"s": 6, "u": "A"},
        {"l": [1, 2, 3]},
    ),
    Case(
        "jsonata-task",
        JSONATA
        | states(
            A={
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:getItem",
                "Arguments": {"TableName": "t", "Key": {"pk": {"S": "{% $states.input.id %}"}}},
                "Assign": {"kind": "{% $states.result.Item.kind.S %}"},
                "Output": "{% $merge([$states.input, {'got': $states.result.Item.pk.S}]) %}",
                "Next": "B",
            },
            B=last(Output={"kind": "{% $kind %}", "in": "{% $states.input %}"}),
        ),
        {"kind": "fixed", "in": {"id": "taken", "got": "taken"}},
        {"id": "taken"},
    ),
    Case(
        "jsonata-choice",
        JSONATA
        | states(
            A={"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n > 5 %}", "Next": "Y"}], "Default": "N"},
            Y=last(Output="{% $parse('{\"a\":1}').a %}"),
            N=last(Output="no"),
        ),
        1,
        {"n": 6},
    ),
    Case(
        "jsonata-strings-with-quotes",
        JSONATA | states(A={"Type": "Pass", "Assign": {"q": "{% $states.input.s %}"}, "Next": "B"}, B=last(Output="{% $q %}")),
        'he said "hi"\n',
        {"s": 'he said "hi"\n'},
    ),
]
