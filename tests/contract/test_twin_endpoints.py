"""Endpoints of the twin, by the API: real servers, SageMaker's words."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import Aws, wait_for
from tests.contract.twin_jobs import IMAGE, ended, make_role, train


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    return make_role(aws)


@pytest.fixture(scope="module")
def model_data(aws: Aws, role: str) -> str:
    job = ended(aws, train(aws, role, steps="5"))
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def configure(aws: Aws, role: str, model_data: str, *names: str, **environment: str) -> str:
    """An endpoint configuration with one variant for each name; the model's environment tells its name."""
    sagemaker = aws.client("sagemaker")
    config = f"config-{uuid.uuid4().hex[:8]}"
    variants = []
    for name in names:
        model = f"{config}-{name}"
        container = {"Image": IMAGE, "ModelDataUrl": model_data, "Environment": {"NAME": name, **environment}}
        sagemaker.create_model(ModelName=model, ExecutionRoleArn=role, PrimaryContainer=container)
        variants.append(
            {"VariantName": name, "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "InitialVariantWeight": 1.0}
        )
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    return config


def in_service(aws: Aws, name: str) -> dict[str, Any]:
    describe = lambda: aws.client("sagemaker").describe_endpoint(EndpointName=name)  # noqa: E731
    return wait_for(describe, lambda endpoint: endpoint["EndpointStatus"] not in ("Creating", "Updating"))


def invoke(aws: Aws, name: str, sent: bytes = b"x", **more: Any) -> dict[str, Any]:
    answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=sent, **more)
    return json.load(answer["Body"]) | {"variant": answer["InvokedProductionVariant"]}


@pytest.fixture(scope="module")
def endpoint(aws: Aws, role: str, model_data: str) -> str:
    config = configure(aws, role, model_data, "blue", "green")
    aws.client("sagemaker").create_endpoint(EndpointName="two-colours", EndpointConfigName=config)
    assert in_service(aws, "two-colours")["EndpointStatus"] == "InService"
    return "two-colours"


def test_endpoint_answers_with_the_trained_model(aws: Aws, endpoint: str) -> None:
    answer = invoke(aws, endpoint, bytes(range(256)), ContentType="application/x-image", Accept="application/json")
    assert answer["model"]["steps"] == 5
    assert (answer["bytes"], answer["content_type"], answer["accept"]) == (256, "application/x-image", "application/json")


def test_a_body_that_calls_itself_a_form_reaches_the_model_as_it_is(aws: Aws, endpoint: str) -> None:
    sent = b'{"dataArray":[{"body":"a+b=="}]}'
    answer = invoke(aws, endpoint, sent, ContentType="application/x-www-form-urlencoded")
    assert (answer["bytes"], answer["content_type"]) == (len(sent), "application/x-www-form-urlencoded")


def test_target_variant_is_honoured(aws: Aws, endpoint: str) -> None:
    for name in ("blue", "green"):
        answer = invoke(aws, endpoint, TargetVariant=name)
        assert answer["variant"] == answer["name"] == name
    with pytest.raises(ClientError, match="red not found") as caught:
        invoke(aws, endpoint, TargetVariant="red")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_weights_share_the_traffic(aws: Aws, endpoint: str) -> None:
    assert {invoke(aws, endpoint)["variant"] for _ in range(40)} == {"blue", "green"}


def test_error_of_the_model_is_a_model_error(aws: Aws, endpoint: str) -> None:
    runtime = aws.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        invoke(aws, endpoint, b"boom")
    assert caught.value.response["OriginalStatusCode"] == 500
    assert caught.value.response["OriginalMessage"] == "it broke"


def test_endpoint_that_does_not_exist_is_a_validation_error(aws: Aws) -> None:
    with pytest.raises(aws.client("sagemaker-runtime").exceptions.ClientError, match="Endpoint nothing of account 123456789012 not found"):
        invoke(aws, "nothing")


def test_server_that_dies_is_started_again(aws: Aws, role: str, model_data: str) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="mortal", EndpointConfigName=configure(aws, role, model_data, "one"))
    in_service(aws, "mortal")
    first = invoke(aws, "mortal")["pid"]
    with pytest.raises(ClientError):
        invoke(aws, "mortal", b"die")

    def pid() -> int:
        try:
            return int(invoke(aws, "mortal")["pid"])
        except ClientError:
            return first

    wait_for(pid, lambda found: found != first)
    sagemaker.delete_endpoint(EndpointName="mortal")


def test_update_has_no_moment_without_an_answer(aws: Aws, role: str, model_data: str) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="changing", EndpointConfigName=configure(aws, role, model_data, "old"))
    in_service(aws, "changing")
    sagemaker.update_endpoint(EndpointName="changing", EndpointConfigName=configure(aws, role, model_data, "new"))
    answers = []
    while "new" not in answers:
        answers.append(invoke(aws, "changing")["name"])
    assert set(answers) <= {"old", "new"}
    assert in_service(aws, "changing")["ProductionVariants"][0]["VariantName"] == "new"
    sagemaker.delete_endpoint(EndpointName="changing")


def test_broken_server_fails_its_endpoint_with_a_reason(aws: Aws, role: str, model_data: str) -> None:
    sagemaker = aws.client("sagemaker")
    started = time.monotonic()
    sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName=configure(aws, role, model_data, "one", BROKEN="1"))
    found = in_service(aws, "broken")
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert time.monotonic() - started < 120, "long before its eight minutes to pass a ping are over"
    sagemaker.delete_endpoint(EndpointName="broken")


def test_missing_model_data_fails_its_endpoint_with_a_reason(aws: Aws, role: str) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="empty", EndpointConfigName=configure(aws, role, "s3://data/none.tar.gz", "one"))
    assert "NoSuchKey" in in_service(aws, "empty")["FailureReason"]
    sagemaker.delete_endpoint(EndpointName="empty")


def test_traffic_moves_between_variants_and_is_counted(aws: Aws, endpoint: str) -> None:
    sagemaker = aws.client("sagemaker")
    wanted = [{"VariantName": "blue", "DesiredWeight": 0.0}, {"VariantName": "green", "DesiredWeight": 1.0}]
    with pytest.raises(ClientError, match="not present within endpoint configuration"):
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "x", "DesiredWeight": 1.0}]
        )
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    found = wait_for(lambda: sagemaker.describe_endpoint(EndpointName=endpoint), lambda e: e["EndpointStatus"] == "InService")
    assert {v["VariantName"]: v["CurrentWeight"] for v in found["ProductionVariants"]} == {"blue": 0.0, "green": 1.0}
    runtime = aws.client("sagemaker-runtime")
    before = invocations(aws, endpoint)
    assert {runtime.invoke_endpoint(EndpointName=endpoint, Body=b"x")["InvokedProductionVariant"] for _ in range(10)} == {"green"}
    assert invocations(aws, endpoint) == before + 10


def invocations(aws: Aws, endpoint: str) -> float:
    now = time.time()
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "green"}]
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": dimensions}
    queries = [{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}]
    begin = now // 60 * 60 - 600
    found = aws.client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=begin, EndTime=now + 1)
    return float(sum(found["MetricDataResults"][0]["Values"]))
