"""Training jobs, processing jobs and endpoints of the twin, by the API: real processes, real files, SageMaker's words."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import REGION, Aws, wait_for

ENDED = ("Completed", "Failed", "Stopped")
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests:latest"


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    arn = aws.role("jobs")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("d/a.csv", "d/deep/b c+d.csv", "d/猫/图.csv", "elsewhere/x.csv"):
        s3.put_object(Bucket="data", Key=key, Body=key.encode())
    return arn


def train(aws: Aws, role: str, *, max_runtime_s: int = 60, image: str = IMAGE, channel: Any = None, **parameters: str) -> str:
    name = f"job-{uuid.uuid4().hex[:12]}"
    source = channel or {"S3DataType": "S3Prefix", "S3Uri": "s3://data/d/"}
    aws.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        HyperParameters=parameters,
        AlgorithmSpecification={
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        Environment={"GREETING": "hello"},
        OutputDataConfig={"S3OutputPath": "s3://data/out"},
        CheckpointConfig={"S3Uri": f"s3://data/checkpoints/{parameters.get('checkpoints', name)}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": max_runtime_s},
    )
    return name


def described(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    return found


def ended(aws: Aws, name: str) -> dict[str, Any]:
    return wait_for(lambda: described(aws, name), lambda job: job["TrainingJobStatus"] in ENDED)


def running(aws: Aws, name: str) -> None:
    """Until the program has written its first checkpoint."""
    logs = aws.client("logs")
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    wait_for(lambda: described(aws, name), lambda job: job["SecondaryStatus"] == "Training")
    stream = wait_for(lambda: logs.describe_log_streams(**group, logStreamNamePrefix=name)["logStreams"])[0]["logStreamName"]
    wait_for(lambda: logs.get_log_events(**group, logStreamName=stream)["events"])


def body(aws: Aws, key: str) -> bytes:
    found: bytes = aws.client("s3").get_object(Bucket="data", Key=key)["Body"].read()
    return found


def model_of(aws: Aws, job: dict[str, Any]) -> dict[str, Any]:
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
    with tarfile.open(fileobj=io.BytesIO(body(aws, key))) as archive:
        file = archive.extractfile("model.json")
        assert file is not None
        found: dict[str, Any] = json.load(file)
    return found


def test_training_job_reads_its_channel_and_writes_a_model(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, steps="3", output="notes"))
    assert job["TrainingJobStatus"] == "Completed"
    statuses = [t["Status"] for t in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["FinalMetricDataList"][0]["MetricName"] == "loss"
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.3333)
    assert job["TrainingTimeInSeconds"] >= 1
    model = model_of(aws, job)
    assert model["files"] == ["train/a.csv", "train/deep/b c+d.csv", "train/猫/图.csv"]
    assert model["greeting"] == "hello"
    assert body(aws, f"out/{job['TrainingJobName']}/output/output.tar.gz")


def test_training_job_logs_to_its_stream(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="2")
    ended(aws, name)
    logs = aws.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
    events = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"])["events"]
    assert [e["message"] for e in events] == ["step=1 loss=1.0000;", "step=2 loss=0.5000;", "saved"]


def test_manifest_names_the_objects_of_a_channel(aws: Aws, role: str) -> None:
    manifest = [{"prefix": "s3://data/"}, "d/deep/b c+d.csv", "d/猫/图.csv"]
    aws.client("s3").put_object(Bucket="data", Key="manifests/m", Body=json.dumps(manifest).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifests/m"}))
    assert model_of(aws, job)["files"] == ["train/d/deep/b c+d.csv", "train/d/猫/图.csv"]


def test_missing_object_of_a_manifest_fails_the_job(aws: Aws, role: str) -> None:
    manifest = [{"prefix": "s3://data/d/"}, "a.csv", "gone.csv"]
    aws.client("s3").put_object(Bucket="data", Key="manifests/gone", Body=json.dumps(manifest).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifests/gone"}))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:NoSuchKey (404)")


@pytest.mark.parametrize("path", ["../../escape.csv", "/../../../escape"])
def test_object_cannot_be_written_outside_of_its_channel(aws: Aws, role: str, path: str) -> None:
    key = f"manifests/{uuid.uuid4().hex}"
    aws.client("s3").put_object(Bucket="data", Key="evil/" + path, Body=b"x")
    aws.client("s3").put_object(Bucket="data", Key=key, Body=json.dumps([{"prefix": "s3://data/evil/"}, path]).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": f"s3://data/{key}"}))
    assert "outside of its channel" in job["FailureReason"]


def test_empty_channel_fails_the_job(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, channel={"S3DataType": "S3Prefix", "S3Uri": "s3://data/nothing/"}))
    assert 'No S3 objects found under S3 URL "s3://data/nothing/"' in job["FailureReason"]


def test_job_reads_only_what_its_role_may(aws: Aws, role: str) -> None:
    one = aws.role("one-prefix", {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/elsewhere/*"]})
    job = ended(aws, train(aws, one))
    assert job["FailureReason"].startswith("ClientError: Data download failed:AccessDenied (403)")


def test_failure_file_becomes_the_failure_reason(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, failure="x" * 2000))
    assert job["TrainingJobStatus"] == "Failed"
    assert len(job["FailureReason"]) == 1024
    assert job["FailureReason"].startswith("AlgorithmError: xxx")
    assert job["FailureReason"].endswith(", exit code: 1")
    assert "ModelArtifacts" not in job


def test_killed_program_fails_the_job(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, kill="1"))
    assert job["FailureReason"] == "AlgorithmError: , exit code: 137"


def test_stop_lets_the_program_save_its_model(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="1000")
    running(aws, name)
    aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert model_of(aws, job)["steps"] < 1000


def test_out_of_time_lets_the_program_save_its_model(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, max_runtime_s=1, steps="1000"))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert model_of(aws, job)["steps"] < 1000


def test_checkpoints_are_synced_while_the_job_runs_and_come_back(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="1000", checkpoints="shared")
    key = "checkpoints/shared/step.txt"
    listed = lambda: aws.client("s3").list_objects_v2(Bucket="data", Prefix=key).get("Contents")  # noqa: E731
    wait_for(listed)
    assert described(aws, name)["TrainingJobStatus"] == "InProgress"
    aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    ended(aws, name)
    first = int(body(aws, key))
    ended(aws, train(aws, role, steps="2", checkpoints="shared"))
    assert int(body(aws, key)) == first + 2


def test_unknown_image_fails_the_job(aws: Aws, role: str) -> None:
    assert "Cannot pull nothing:1" in ended(aws, train(aws, role, image="nothing:1"))["FailureReason"]


def test_name_of_a_job_is_used_once(aws: Aws, role: str) -> None:
    name = train(aws, role)
    request = described(aws, name)
    again = {
        k: request[k]
        for k in ("TrainingJobName", "RoleArn", "AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    }
    with pytest.raises(aws.client("sagemaker").exceptions.ResourceInUse):
        aws.client("sagemaker").create_training_job(**again)


def test_quota_is_refused_in_sagemaker_s_words(aws: Aws, role: str) -> None:
    quotas = aws.twin.state / "quotas.json"
    quotas.write_text('{"ml.m5.large": 0}')
    try:
        with pytest.raises(
            aws.client("sagemaker").exceptions.ResourceLimitExceeded, match=r"ml\.m5\.large for training job usage' is 0 Inst"
        ):
            train(aws, role)
    finally:
        quotas.unlink()


def test_state_changes_are_events(aws: Aws, role: str) -> None:
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="job-events")["QueueUrl"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobStatus": ["Completed"]},
    }
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:123456789012:job-events"}])
    name = train(aws, role)
    ended(aws, name)
    told = set()

    def names() -> set[str]:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            told.add(json.loads(message["Body"])["detail"]["TrainingJobName"])
        return told

    wait_for(names, lambda found: name in found)
    events.remove_targets(Rule="jobs", Ids=["1"])


def process(aws: Aws, role: str, *arguments: str) -> dict[str, Any]:
    name = f"processing-{uuid.uuid4().hex[:12]}"
    sagemaker = aws.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["process"], "ContainerArguments": list(arguments) or ["now"]},
        Environment={"GREETING": "hello"},
        ProcessingInputs=[
            {
                "InputName": "in",
                "S3Input": {
                    "S3Uri": "s3://data/d/",
                    "LocalPath": "/opt/ml/processing/input/in",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            },
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {"S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                },
            ],
        },
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    describe = lambda: sagemaker.describe_processing_job(ProcessingJobName=name)  # noqa: E731
    return wait_for(describe, lambda job: job["ProcessingJobStatus"] in ENDED)


def test_processing_job_maps_inputs_and_outputs(aws: Aws, role: str) -> None:
    job = process(aws, role, "now")
    assert job["ProcessingJobStatus"] == "Completed"
    lines = body(aws, f"{job['ProcessingJobName']}/deep/names.txt").decode().splitlines()
    assert lines == ["in/a.csv", "in/deep/b c+d.csv", "in/猫/图.csv", "now", "hello"]


def test_processing_job_fails_with_its_exit_code(aws: Aws, role: str) -> None:
    job = process(aws, role, "fail")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 4")


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
