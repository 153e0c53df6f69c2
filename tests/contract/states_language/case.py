"""One case of Amazon States Language, and what its state machines are built from.

`{...}` in a definition stands for what is known only once the twin runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.twin_fixtures import ACCOUNT, Aws

TOKEN = str(time.time_ns())
Json = dict[str, Any]
INVOKE, UPDATE = "arn:aws:states:::lambda:invoke", "arn:aws:states:::dynamodb:updateItem"
TRAIN = "arn:aws:states:::sagemaker:createTrainingJob"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/everything"
QUEUE_URL = "{QUEUE_URL}"
CHILD = "{CHILD}"
SLOW_CHILD = "{SLOW_CHILD}"
FAILING_CHILD = "{FAILING_CHILD}"
SLEEP = {"Type": "Wait", "Seconds": 60, "End": True}


@dataclass
class Case:
    """One execution: what runs, and what must come of it."""

    name: str
    definition: Json
    expected: Any = None  # the output, or a test of the description
    input: Any = field(default_factory=dict)
    status: str = "SUCCEEDED"
    at_most_s: float = 60
    at_least_s: float = 0
    during: Callable[[Aws, str], None] | None = None


@dataclass
class Result:
    description: Json
    seconds: float

    @property
    def output(self) -> Any:
        return json.loads(self.description["output"])


def states(**named: Json) -> Json:
    return {"StartAt": next(iter(named)), "States": named}


def task(resource: str, parameters: Json | None = None, **more: Any) -> Json:
    made = {"Type": "Task", "Resource": resource, **({} if parameters is None else {"Parameters": parameters}), **more}
    return made if "Next" in more else made | {"End": True}


def last(**more: Any) -> Json:
    return {"Type": "Pass", "End": True, **more}


def caught(state: Json, error: str, path: str = "$") -> Json:
    caught_state = state | {"Catch": [{"ErrorEquals": [error], "Next": "Caught", "ResultPath": path}]}
    return states(A=caught_state, Caught=last())


def training(name: str, **parameters: str) -> Json:
    return {
        "TrainingJobName": f"{name}-{TOKEN}",
        "RoleArn": ROLE,
        "HyperParameters": parameters,
        "AlgorithmSpecification": {"TrainingImage": "tests:1", "TrainingInputMode": "File"},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://asl/d/"}}},
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://asl/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def stop_after(seconds: float) -> Callable[[Aws, str], None]:
    def stop(aws: Aws, execution: str) -> None:
        time.sleep(seconds)
        aws.client("stepfunctions").stop_execution(executionArn=execution, error="User", cause="stop")

    return stop
