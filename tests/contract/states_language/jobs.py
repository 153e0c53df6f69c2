"""Tasks that wait for training jobs and for nested executions, and end them."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.contract.states_language.case import (
    CHILD,
    FAILING_CHILD,
    SLOW_CHILD,
    TOKEN,
    TRAIN,
    Case,
    caught,
    states,
    stop_after,
    task,
    training,
)
from tests.contract.twin_fixtures import Aws, wait_for

NESTED = "arn:aws:states:::states:startExecution.sync:2"


def stop_when_job_runs(name: str) -> Callable[[Aws, str], None]:
    def stop(aws: Aws, execution: str) -> None:
        sagemaker = aws.client("sagemaker")
        running = {"Training"}
        look = lambda: [j["TrainingJobName"] for j in sagemaker.list_training_jobs()["TrainingJobSummaries"]]  # noqa: E731
        wait_for(look, lambda names: f"{name}-{TOKEN}" in names)
        describe = lambda: sagemaker.describe_training_job(TrainingJobName=f"{name}-{TOKEN}")["SecondaryStatus"]  # noqa: E731
        wait_for(describe, lambda status: status in running)
        aws.client("stepfunctions").stop_execution(executionArn=execution, error="User", cause="stop")

    return stop


CASES = [
    Case("aws-sdk-create-training-job", states(A=task("arn:aws:states:::aws-sdk:sagemaker:createTrainingJob", training("sdk")))),
    Case("sagemaker-create-training-job", states(A=task(TRAIN, training("optimised"))), lambda r: "TrainingJobArn" in r.output),
    Case(
        "sagemaker-create-training-job-sync",
        states(A=task(TRAIN + ".sync", training("sync", steps="3"))),
        lambda r: (
            r.output["TrainingJobStatus"] == "Completed" and r.output["ModelArtifacts"]["S3ModelArtifacts"].startswith("s3://asl/out")
        ),
    ),
    Case(
        "sagemaker-sync-job-fails",
        caught(task(TRAIN + ".sync", training("fails", failure="bad label column")), "States.TaskFailed"),
        lambda r: json.loads(r.output["Cause"])["FailureReason"] == "AlgorithmError: bad label column, exit code: 1",
    ),
    Case(
        "sagemaker-error-names-the-exception",
        caught(task(TRAIN + ".sync", training("taken")), "SageMaker.ResourceInUseException"),
        lambda r: r.output["Error"] == "SageMaker.ResourceInUseException" and "Error Code: ResourceInUse" in r.output["Cause"],
    ),
    Case(
        "sagemaker-sync-timeout-stops-the-job",
        states(A=task(TRAIN + ".sync", training("timeout", steps="100000"), TimeoutSeconds=2)),
        lambda r: r.description["error"] == "States.Timeout",
        status="FAILED",
        at_least_s=2,
    ),
    Case(
        "sagemaker-sync-timeout-path-stops-the-job",
        caught(task(TRAIN + ".sync", training("timeoutpath", steps="100000"), TimeoutSecondsPath="$.limit"), "States.Timeout"),
        lambda r: r.output["Error"] == "States.Timeout",
        {"limit": 2},
        at_least_s=2,
    ),
    Case(
        "sagemaker-sync-stop-execution-stops-the-job",
        states(A=task(TRAIN + ".sync", training("stopped", steps="100000"))),
        lambda r: (r.description["error"], r.description["cause"]) == ("User", "stop"),
        status="ABORTED",
        during=stop_when_job_runs("stopped"),
    ),
    Case(
        "nested-execution",
        states(A=task(NESTED, {"StateMachineArn": CHILD, "Input": {"id.$": "$$.Execution.Id"}}, OutputPath="$.Output")),
        {"v": 42},
    ),
    Case(
        "nested-execution-fails",
        caught(task(NESTED, {"StateMachineArn": FAILING_CHILD}), "States.TaskFailed"),
        lambda r: json.loads(r.output["Cause"])["Error"] == "Child.Failed",
    ),
    Case(
        "nested-execution-is-stopped-with-its-parent",
        states(A=task(NESTED, {"StateMachineArn": SLOW_CHILD})),
        status="ABORTED",
        during=stop_after(1),
    ),
    Case(
        "nested-execution-without-waiting",
        states(A=task("arn:aws:states:::states:startExecution", {"StateMachineArn": CHILD})),
        lambda r: "ExecutionArn" in r.output,
    ),
    Case(
        "parallel-timer-against-training",
        caught(
            {
                "Type": "Parallel",
                "End": True,
                "Branches": [
                    states(W={"Type": "Wait", "Seconds": 2, "Next": "F"}, F={"Type": "Fail", "Error": "MaxRuntime"}),
                    states(T=task(TRAIN + ".sync", training("race", steps="100000"))),
                ],
            },
            "MaxRuntime",
        ),
        lambda r: r.output["Error"] == "MaxRuntime",
    ),
]
