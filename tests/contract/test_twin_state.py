"""State survives a restart, and a SIGKILL; what cannot survive says so: executions, jobs and endpoints that ran."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws, start_bare_twin, wait_for
from twin.running import TwinFailed, free_port, start_twin
from twin.settings import PROJECT_ROOT

PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
SLEEP = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}})


def job_request(role: str, name: str, **parameters: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "HyperParameters": parameters,
        "AlgorithmSpecification": {"TrainingImage": "tests", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://kept/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def prepare(aws: Aws) -> str:
    """Something of everything: objects, items, messages, a function with its poller, executions, jobs, an endpoint."""
    role = aws.role("all")
    s3, dynamodb, sqs = aws.client("s3"), aws.client("dynamodb"), aws.client("sqs")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="kept", Key="猫 +", Body=bytes(range(256)), Metadata={"a": "b"})
    dynamodb.create_table(
        TableName="records",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="records", Item={"pk": {"S": "kept"}, "function": {"S": ""}, "event": {"S": "0"}})
    sqs.create_queue(QueueName="polled")
    ended = sqs.create_queue(QueueName="ended")["QueueUrl"]
    aws.function("records", role, Environment={"Variables": {"RECORDS": "records"}})
    aws.client("lambda").create_event_source_mapping(FunctionName="records", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:polled")
    events = aws.client("events")
    kinds = ["Step Functions Execution Status Change", "SageMaker Training Job State Change"]
    events.put_rule(Name="ended", EventPattern=json.dumps({"detail-type": kinds}))
    events.put_targets(Rule="ended", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:ended"}])
    stepfunctions = aws.client("stepfunctions")
    for name, definition in {"done": PASS, "running": SLEEP}.items():
        machine = stepfunctions.create_state_machine(name=name, roleArn=role, definition=definition)["stateMachineArn"]
        stepfunctions.start_execution(stateMachineArn=machine, name="x")
    aws.client("sagemaker").create_training_job(**job_request(role, "quick"))
    aws.client("sagemaker").create_training_job(**job_request(role, "long", steps="100000"))
    wait_for(lambda: status_of(aws, "quick"), lambda status: status == "Completed")
    container = {"Image": "tests", "ModelDataUrl": "s3://kept/out/quick/output/model.tar.gz"}
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    aws.client("sagemaker").create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    aws.client("sagemaker").create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    aws.client("sagemaker").create_endpoint(EndpointName="e", EndpointConfigName="c")
    describe = lambda: aws.client("sagemaker").describe_endpoint(EndpointName="e")["EndpointStatus"]  # noqa: E731
    wait_for(describe, lambda status: status == "InService")
    return str(ended)


def status_of(aws: Aws, job: str) -> str:
    return str(aws.client("sagemaker").describe_training_job(TrainingJobName=job)["TrainingJobStatus"])


def execution_arn(machine: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:x"


def check(aws: Aws, ended_url: str) -> None:
    found = aws.client("s3").get_object(Bucket="kept", Key="猫 +")
    assert (found["Body"].read(), found["Metadata"]) == (bytes(range(256)), {"a": "b"})
    assert aws.client("dynamodb").get_item(TableName="records", Key={"pk": {"S": "kept"}})["Item"]
    describe = aws.client("stepfunctions").describe_execution
    assert describe(executionArn=execution_arn("done"))["status"] == "SUCCEEDED"
    assert describe(executionArn=execution_arn("running"))["status"] == "ABORTED"
    history = aws.client("stepfunctions").get_execution_history(executionArn=execution_arn("done"))["events"]
    assert history[0]["type"] == "ExecutionStarted"
    assert status_of(aws, "quick") == "Completed"
    long = aws.client("sagemaker").describe_training_job(TrainingJobName="long")
    assert (long["TrainingJobStatus"], "restarted" in long["FailureReason"]) == ("Failed", True)
    describe = lambda: aws.client("sagemaker").describe_endpoint(EndpointName="e")["EndpointStatus"]  # noqa: E731
    wait_for(describe, lambda status: status == "InService")
    assert aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read()
    aws.client("sagemaker").delete_endpoint(EndpointName="e")
    assert {("ABORTED", "x"), ("Failed", "long")} <= events_in(aws, ended_url, ("Failed", "long"), ("ABORTED", "x"))
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="polled")["QueueUrl"], MessageBody="after the restart")
    scan = lambda: aws.client("dynamodb").scan(TableName="records")["Items"]  # noqa: E731
    wait_for(scan, lambda items: any("after the restart" in i["event"]["S"] for i in items))


def events_in(aws: Aws, url: str, *wanted: tuple[str, str]) -> set[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()

    def look() -> set[tuple[str, str]]:
        for message in aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            seen.add((detail.get("status") or detail.get("TrainingJobStatus"), detail.get("name") or detail.get("TrainingJobName")))
        return seen

    return wait_for(look, lambda found: set(wanted) <= found)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_state_survives(way: str, tmp_path: Path) -> None:
    port = free_port()
    aws = start_bare_twin(tmp_path, port)
    connection = aws.twin.connection
    url = prepare(aws)
    if way == "stop":
        assert aws.twin.stop() == 0
    else:
        marker = len(aws.twin.log().splitlines())
        aws.client("dynamodb").put_item(TableName="records", Item={"pk": {"S": "last"}, "function": {"S": ""}, "event": {"S": "0"}})
        wait_for(lambda: "saved" in "\n".join(aws.twin.log().splitlines()[marker:]))
        aws.twin.kill()
    again = start_bare_twin(tmp_path, port)
    try:
        assert again.twin.connection == connection
        check(again, url)
    finally:
        again.twin.stop()


def test_bodies_that_no_object_names_are_swept(tmp_path: Path) -> None:
    port = free_port()
    aws = start_bare_twin(tmp_path, port)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="swept", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("kept", "gone"):
        s3.put_object(Bucket="swept", Key=key, Body=key.encode() * 1000)
    s3.delete_object(Bucket="swept", Key="gone")
    aws.twin.stop()
    aws = start_bare_twin(tmp_path, port)
    try:
        bodies = [path.read_bytes() for path in (aws.twin.state / "blobs").glob("*/*")]
        assert bodies == [b"kept" * 1000]
        assert aws.client("s3").get_object(Bucket="swept", Key="kept")["Body"].read() == b"kept" * 1000
    finally:
        aws.twin.stop()


def test_snapshot_of_another_version_is_refused(tmp_path: Path) -> None:
    aws = start_bare_twin(tmp_path)
    aws.client("sqs").create_queue(QueueName="q")
    aws.twin.stop()
    file = aws.twin.state / "backends.snapshot"
    header, _, body = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps(json.loads(header) | {"moto": "4.0.0"}).encode() + b"\n" + body)
    with pytest.raises(TwinFailed, match=r"was written by .*4\.0\.0.*use another state folder"):
        start_bare_twin(tmp_path)


def test_state_folder_and_port_belong_to_one_twin(tmp_path: Path) -> None:
    aws = start_bare_twin(tmp_path)
    try:
        with pytest.raises(TwinFailed, match=f"another twin .process {aws.twin.process.pid}. is running with the state folder"):
            start_bare_twin(tmp_path)
        with pytest.raises(TwinFailed, match=f"port {aws.twin.port} is in use"):
            start_twin(tmp_path / "other", port=aws.twin.port, is_bare=True)
        with pytest.raises(ClientError):
            aws.client("s3").head_bucket(Bucket="still-answers")
    finally:
        aws.twin.stop()


def test_importing_the_twin_does_nothing() -> None:
    look = "import sys, twin; print(any(name.split('.')[0] in ('moto', 'boto3', 'flask') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
