"""The ASL files: well formed, every state reachable, every error that a step raises caught, every long stage with a timer."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from droplearn.contracts import errors
from droplearn.contracts.status import BatchStatus, EvaluationStatus, ServiceStatus, TaskStatus

ROOT = Path(__file__).parents[3]
MACHINES = ["learn", "evaluate", "deploy", "update", "batch", "delete"]
STATUSES: dict[str, Any] = {"learn": TaskStatus, "evaluate": EvaluationStatus, "deploy": ServiceStatus, "batch": BatchStatus}
STEPS = sorted(p.stem for p in (ROOT / "functions/chalicelib/steps").glob("*.py") if p.stem != "__init__")


def machine(name: str) -> dict[str, Any]:
    return json.loads((ROOT / f"statemachines/{name}.asl.json").read_text())


def states() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, state, body) for name in MACHINES for state, body in machine(name)["States"].items()]


def tasks() -> list[Any]:
    return [pytest.param(name, state, body, id=f"{name}-{state}") for name, state, body in states() if body["Type"] == "Task"]


def pascal(text: str) -> str:
    return "".join(word.title() for word in text.split("_"))


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached_and_every_target_exists(name: str):
    asl = machine(name)
    seen, to_see = set(), [asl["StartAt"]]
    while to_see:
        state = to_see.pop()
        if state not in seen:
            seen.add(state)
            to_see += re.findall(r'"(?:Next|Default)": "(\w+)"', json.dumps(asl["States"][state]))
    assert seen == set(asl["States"])


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_told_in_the_readme(name: str):
    readme = (ROOT / "statemachines/README.md").read_text()
    assert not [state for state in machine(name)["States"] if f"`{state}`" not in readme]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_one_file_one_lambda_one_state(step: str):
    assert f"def {step}(event" in (ROOT / "functions/app.py").read_text()
    using = [state for _, state, body in states() if f"${{{pascal(step)}Arn}}" in json.dumps(body)]
    assert using, f"no state invokes {step}"
    assert all(state.startswith(pascal(step)) for state in using)


@pytest.mark.parametrize(("name", "state", "body"), tasks())
def test_every_task_has_a_timer_and_catches_everything(name: str, state: str, body: dict[str, Any]):
    assert "TimeoutSeconds" in body or "TimeoutSecondsPath" in body
    caught = [error for catch in body.get("Catch", []) for error in catch["ErrorEquals"]]
    assert "States.ALL" in caught or state.startswith("RecordFailure"), (
        "only the last resort may fail; the reaction execution_ended sees it"
    )


@pytest.mark.parametrize(("name", "state", "body"), tasks())
def test_transient_errors_are_retried_with_jitter_and_user_errors_never(name: str, state: str, body: dict[str, Any]):
    retried = {error for retry in body.get("Retry", []) for error in retry["ErrorEquals"]}
    assert all(retry["JitterStrategy"] == "FULL" and retry["MaxDelaySeconds"] for retry in body.get("Retry", []))
    if "lambda:invoke" in body["Resource"]:
        assert subclasses(errors.TransientError) <= retried
        assert {"Lambda.ServiceException", "Lambda.TooManyRequestsException"} <= retried
    assert not retried & (subclasses(errors.UserError) | subclasses(errors.InternalError) | {"States.ALL", "States.TaskFailed"})


def subclasses(kind: type) -> set[str]:
    return {name for name, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, kind)}


@pytest.mark.parametrize(("name", "state", "body"), tasks())
def test_every_change_of_a_status_has_a_condition_so_that_nothing_is_revived(name: str, state: str, body: dict[str, Any]):
    if "dynamodb:updateItem" not in body["Resource"]:
        pytest.skip("no write")
    given = body["Parameters"]
    assert "#status" in given["ConditionExpression"]
    assert any("ConditionalCheckFailedException" in error for catch in body["Catch"] for error in catch["ErrorEquals"])
    if name in ("learn", "batch"):
        assert "attempt = :attempt" in given["ConditionExpression"]
    known = {s.value for s in STATUSES[name]}
    written = {v["S"] for k, v in given["ExpressionAttributeValues"].items() if v.get("S", "").isupper()}
    assert written <= known
    ends = {s.value for s in STATUSES[name] if s.is_terminal}
    allowed = re.findall(r":(\w+)", given["ConditionExpression"].partition("#status")[2])
    assert not {given["ExpressionAttributeValues"][f":{v}"].get("S") for v in allowed} & ends


def test_an_http_status_is_defined_for_every_error():
    assert all(issubclass(c, errors.DropLearnError) for c in (errors.UserError, errors.TransientError, errors.InternalError))
    assert {c.http_status for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.UserError)} <= set(
        range(400, 500)
    )
