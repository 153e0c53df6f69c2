"""The other ports: the fakes and the adapters (moto) pass the same suites."""

from __future__ import annotations

import json
import time
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend

from chalicelib.adapters import aws
from chalicelib.adapters.announcer import EventBridgeAnnouncer
from chalicelib.adapters.autoscaling import SageMakerAutoscaling
from chalicelib.adapters.endpoints import SageMakerEndpoints
from chalicelib.adapters.executions import StepFunctionsExecutions
from chalicelib.adapters.job_logs import GROUP, CloudWatchJobLogs
from chalicelib.adapters.jobs import SageMakerTrainingJobs
from chalicelib.adapters.sweep_schedule import EventBridgeSweepSchedule
from chalicelib.domain.hosting import ScalingRange
from chalicelib.ports import EndpointState, LogLine
from chalicelib.settings import Settings
from droplearn.contracts.errors import InternalError, InvalidRequest, Throttled, TransientError
from tests.fake_jobs import FakeExecutions, FakeJobLogs, FakeTrainingJobs
from tests.fake_serving import FakeAutoscaling, FakeEndpoints
from twin.sagemaker.scaling import deregister

ROLE = "arn:aws:iam::123456789012:role/r"


# ---- autoscaling ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [FakeAutoscaling, SageMakerAutoscaling])
def test_a_range_is_set_twice_and_removed_twice_without_a_word(kind: Any, cloud: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ApplicationAutoscalingBackend, "deregister_scalable_target", deregister)  # moto's error is not AWS's
    scaling = kind()
    for most in (3, 5):
        scaling.set("service-1", "v1", ScalingRange(min_instances=1, max_instances=most, invocations_per_minute=600.5))
    if kind is SageMakerAutoscaling:
        real = boto3.client("application-autoscaling")
        (target,) = real.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == ("endpoint/service-1/variant/v1", 1, 5)
        (policy,) = real.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600.5
    for _ in range(2):
        scaling.remove("service-1", ["v1", "v2"])


# ---- training jobs, endpoints --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["fake", "sagemaker"])
def test_a_job_that_is_not_there_is_none(kind: str, cloud: None):
    jobs: Any = FakeTrainingJobs() if kind == "fake" else SageMakerTrainingJobs()
    assert jobs.describe("task-x-a1-t1") is None


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("Requested resource not found.", "unknown"),
        ("The request was rejected because the training job is in status Completed.", "over"),
    ],
)
def test_a_stop_tells_a_job_that_is_not_there_from_one_that_is_over(message: str, answer: str, cloud: None):
    """moto knows no StopTrainingJob. The messages are SageMaker's."""
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "StopTrainingJob")
    with patch.object(aws.client("sagemaker"), "stop_training_job", side_effect=refused):
        assert SageMakerTrainingJobs().stop("job") == answer


def test_a_job_is_described_with_what_settles_it(cloud: None):
    boto3.client("sagemaker").create_training_job(
        TrainingJobName="job",
        AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://b/o"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    job = SageMakerTrainingJobs().describe("job")
    assert job is not None
    assert (job.name, job.status) == ("job", "Completed")
    assert job.model_artifacts


@pytest.mark.parametrize("kind", ["fake", "sagemaker"])
def test_removing_what_is_not_there_is_fine(kind: str, cloud: None):
    endpoints: Any = FakeEndpoints() if kind == "fake" else SageMakerEndpoints()
    endpoints.remove("service-x", ["service-x"], ["service-x"])
    assert endpoints.state("service-x") is None


def test_an_endpoint_is_removed_with_its_configuration_and_model(cloud: None):
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model(ModelName="service-x", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "all", "ModelName": "service-x", "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="service-x", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="service-x", EndpointConfigName="service-x")
    endpoints = SageMakerEndpoints()
    assert endpoints.state("service-x") == EndpointState("InService", "", "service-x", {"all": 1.0}, {"all": 1})
    assert endpoints.names() == ["service-x"]
    endpoints.remove("service-x", ["service-x"], ["service-x"])
    assert endpoints.state("service-x") is None
    assert sagemaker.list_models()["Models"] == sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


# ---- executions ----------------------------------------------------------------------------------------------------
@pytest.fixture(params=["fake", "stepfunctions"])
def executions(request: pytest.FixtureRequest, cloud: None) -> Any:
    if request.param == "fake":
        return FakeExecutions()
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
    arn = boto3.client("stepfunctions").create_state_machine(name="learn", definition=definition, roleArn=ROLE)["stateMachineArn"]
    return StepFunctionsExecutions(Settings({"LEARN_STATE_MACHINE_ARN": arn}))


def test_the_same_name_starts_one_execution(executions: Any):
    first = executions.start("learn", "task-1-a1", {"task_id": "task-1"})
    assert executions.start("learn", "task-1-a1", {"task_id": "task-1"}) == first
    executions.stop(first, "over")
    executions.stop(first, "over")


def test_an_answer_to_a_state_that_waits_no_more_is_not_an_error(cloud: None):
    real = StepFunctionsExecutions(Settings({}))
    refused = ClientError({"Error": {"Code": "TaskTimedOut", "Message": "gone"}}, "SendTaskSuccess")
    with patch.object(aws.client("stepfunctions"), "send_task_success", side_effect=refused):
        assert real.succeed("token", {}) is False


# ---- logs ----------------------------------------------------------------------------------------------------------
@pytest.fixture(params=["fake", "logs"])
def job_logs(request: pytest.FixtureRequest, cloud: None) -> Any:
    """Ten lines of one job, on two nodes, and one line of another job."""
    written = [("job-1", "algo-1", f'{{"event": {n}}}') for n in range(6)] + [("job-1", "algo-2", f"plain {n}") for n in range(4)]
    written.append(("job-10", "algo-1", "another job"))
    if request.param == "fake":
        fake = FakeJobLogs()
        fake.lines = [LogLine("t", *line) for line in written]
        return fake
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for job, node in dict.fromkeys((job, node) for job, node, _ in written):
        stream = f"{job}/{node}-1"
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        lines = [m for j, n, m in written if (j, n) == (job, node)]
        events = [{"timestamp": int(time.time() * 1000) + i, "message": m} for i, m in enumerate(lines)]
        logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)
    return CloudWatchJobLogs()


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_lines_are_paged_in_order_without_gaps(job_logs: Any, limit: int):
    seen, cursor = [], None
    for _ in range(50):
        page = job_logs.page(["job-1"], limit, cursor)
        assert len(page.items) <= limit
        seen += [(line.node, line.message) for line in page.items]
        if (cursor := page.cursor) is None:
            break
    assert [node for node, _ in seen] == ["algo-1"] * 6 + ["algo-2"] * 4
    assert seen[5][1] == '{"event": 5}'


def test_lines_are_narrowed_by_node_and_text(job_logs: Any):
    assert len(job_logs.page(["job-1"], 100, None, only_first_node=True).items) == 6
    assert [x.message for x in job_logs.page(["job-1", "job-10"], 100, None, contains="plain").items] == [f"plain {n}" for n in range(4)]
    assert job_logs.page(["job-none"], 100, None).items == []


def test_a_made_up_cursor_of_a_log_is_refused(job_logs: Any):
    with pytest.raises(InvalidRequest):
        job_logs.page(["job-1"], 10, "e30")


def test_a_job_without_a_log_has_no_lines(cloud: None):
    assert CloudWatchJobLogs().page(["job-1"], 10, None).items == []


# ---- errors of AWS -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, Throttled),
        ("InternalServerError", 500, TransientError),
        ("Whatever", 503, TransientError),
        ("AccessDeniedException", 400, InternalError),
        ("ValidationException", 400, InternalError),
    ],
)
def test_errors_of_aws_are_named_by_who_must_act(code: str, status: int, kind: type[Exception]):
    error = ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Do")  # type: ignore[typeddict-item]
    with pytest.raises(kind), aws.translated():
        raise error
    with pytest.raises(TransientError), aws.translated():
        raise EndpointConnectionError(endpoint_url="http://x")


# ---- what the account is told --------------------------------------------------------------------------------------
def test_an_announcement_is_an_event_of_ours_that_a_rule_of_the_account_can_send_on(cloud: None):
    events, sqs = boto3.client("events"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="mine")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="mine", EventPattern=json.dumps({"source": ["droplearn"], "detail-type": ["Budget Share Used"]}))
    events.put_targets(Rule="mine", Targets=[{"Id": "queue", "Arn": arn}])
    for what in ("Budget Share Used", "Something Else"):
        EventBridgeAnnouncer().announce(what, {"project": "动物园", "share": 0.8})
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["detail"] == {"project": "动物园", "share": 0.8}


def test_an_announcement_that_is_not_taken_is_an_error_to_try_again(cloud: None):
    reply = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "m"}]}
    with patch.object(aws.client("events"), "put_events", lambda **_: reply), pytest.raises(TransientError, match="InternalFailure"):
        EventBridgeAnnouncer().announce("Budget Share Used", {})


# ---- the sweep's schedule ------------------------------------------------------------------------------------------
def test_the_schedule_of_the_sweep_is_a_rule_that_is_enabled_and_disabled_as_often_as_one_likes(cloud: None):
    events = boto3.client("events")
    events.put_rule(Name="sweep", ScheduleExpression="rate(10 minutes)")
    schedule = EventBridgeSweepSchedule("sweep")
    for change, state in ((schedule.stop, "DISABLED"), (schedule.start, "ENABLED")):
        for _ in range(2):
            change()
            assert events.describe_rule(Name="sweep")["State"] == state
