"""States that wait, choose, run side by side, fail; machines that are long, or out of time."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.contract.states_language.case import INVOKE, SLEEP, UPDATE, Case, Json, Result, caught, last, states, stop_after, task


def wait_until(form: str) -> Json:
    """Waits for the moment that it then gives out. The moment is filled in when the case starts."""
    moment = "{IN_2_S " + form + "}"
    told = {"Type": "Pass", "Result": {"moment": moment}, "Next": "Wait"}
    return states(Told=told, Wait={"Type": "Wait", "TimestampPath": "$.moment", "End": True})


def ended_when_it_was_told(result: Result) -> bool:
    moment = datetime.fromisoformat(result.output["moment"])
    return moment <= result.description["stopDate"] <= moment + timedelta(seconds=5)


def chain(state: Json, length: int) -> Json:
    links = {f"S{i}": state | ({"Next": f"S{i + 1}"} if i < length - 1 else {"End": True}) for i in range(length)}
    return {"StartAt": "S0", "States": links}


COUNT_UP = {
    "TableName": "t",
    "Key": {"pk": {"S": "counter"}},
    "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


CASES = [
    Case("wait-seconds", states(A={"Type": "Wait", "Seconds": 1, "End": True}), {}, at_least_s=1),
    Case("wait-seconds-path", states(A={"Type": "Wait", "SecondsPath": "$.s", "End": True}), {"s": 1}, {"s": 1}, at_least_s=1),
    Case("wait-timestamp", wait_until("%Y-%m-%dT%H:%M:%SZ"), ended_when_it_was_told),
    Case("wait-timestamp-with-fraction", wait_until("%Y-%m-%dT%H:%M:%S.123Z"), ended_when_it_was_told),
    Case("wait-timestamp-with-offset", wait_until("%Y-%m-%dT%H:%M:%S+00:00"), ended_when_it_was_told),
    Case("stop-in-wait", states(A=SLEEP), status="ABORTED", during=stop_after(0.3)),
    Case(
        "stop-in-retry-sleep",
        states(
            A=task(INVOKE, {"FunctionName": "flaky"})
            | {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 1}]},
        ),
        status="ABORTED",
        during=stop_after(3),
    ),
    Case(
        "choice-numbers-and-presence",
        states(
            A={
                "Type": "Choice",
                "Choices": [
                    {"And": [{"Variable": "$.n", "NumericGreaterThan": 5}, {"Variable": "$.x", "IsPresent": False}], "Next": "Yes"},
                ],
                "Default": "No",
            },
            Yes=last(Result="yes"),
            No=last(Result="no"),
        ),
        "yes",
        {"n": 6},
    ),
    Case(
        "choice-times-and-patterns",
        states(
            A={
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.t", "TimestampLessThan": "2030-01-01T00:00:00Z"},
                            {"Variable": "$.s", "StringMatches": "a*.csv"},
                        ],
                        "Next": "Yes",
                    },
                ],
                "Default": "No",
            },
            Yes=last(Result="yes"),
            No=last(Result="no"),
        ),
        "yes",
        {"t": "2025-01-01T00:00:00Z", "s": "abc.csv"},
    ),
    Case(
        "parallel",
        states(
            A={
                "Type": "Parallel",
                "End": True,
                "Branches": [states(W={"Type": "Wait", "Seconds": 1, "Next": "P"}, P=last(Result=i)) for i in range(3)],
            },
        ),
        [0, 1, 2],
        at_least_s=1,
    ),
    Case(
        "parallel-branch-fails",
        caught(
            {
                "Type": "Parallel",
                "End": True,
                "Branches": [states(W=SLEEP), states(F={"Type": "Fail", "Error": "E", "Cause": "c"})],
            },
            "States.ALL",
        ),
        {"Error": "E", "Cause": "c"},
    ),
    Case(
        "machine-timeout",
        {**states(A=SLEEP), "TimeoutSeconds": 1},
        status="TIMED_OUT",
        at_least_s=1,
    ),
    Case(
        "fail-with-paths",
        states(A={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}),
        lambda r: (r.description["error"], r.description["cause"]) == ("E1", "why"),
        {"e": "E1", "c": "why"},
        status="FAILED",
    ),
    Case("hundred-passes", chain({"Type": "Pass"}, 100), {}),
    Case("thirty-updates", chain({"Type": "Task", "Resource": UPDATE, "Parameters": COUNT_UP, "ResultPath": None}, 30), {}),
]
