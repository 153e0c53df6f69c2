"""IAM on the twin is enforced for users and for roles of functions and state machines; one missing permission is a clear failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws, client_of, wait_for

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Action": action, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


@pytest.fixture(scope="module")
def prepared(aws: Aws) -> None:
    aws.client("dynamodb").create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "by_g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("mine/a", "theirs/a"):
        s3.put_object(Bucket="files", Key=key, Body=b"x")


Login = Callable[..., Callable[[str], Any]]


@pytest.fixture
def login(aws: Aws, prepared: None, request: pytest.FixtureRequest) -> Login:
    """Clients of a new user who may do these things."""

    def make(*statements: dict[str, Any]) -> Callable[[str], Any]:
        iam, name = aws.client("iam"), f"user-{abs(hash(request.node.name))}"
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name=REGION)
        return lambda service: client_of(session, service, aws.twin.connection.aws_endpoint_url)

    return make


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


ITEM = {"pk": {"S": "1"}}


def test_user_without_policies_may_nothing(login: Login) -> None:
    client = login()
    assert code_of(lambda: client("dynamodb").put_item(TableName="t", Item=ITEM)) == "AccessDeniedException"
    assert code_of(lambda: client("s3").get_object(Bucket="files", Key="mine/a")) == "AccessDenied"
    assert code_of(lambda: client("sqs").list_queues()) == "AccessDeniedException"
    assert code_of(lambda: client("iam").list_roles()) == "AccessDenied"
    assert code_of(lambda: client("stepfunctions").list_state_machines()) == "AccessDeniedException"
    assert code_of(lambda: client("sagemaker").list_endpoints()) == "AccessDeniedException"
    assert client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_unknown_key_and_no_key_may_nothing(aws: Aws, prepared: None) -> None:
    url = aws.twin.connection.aws_endpoint_url
    stranger = boto3.Session("AKIAIOSFODNN7EXAMPLE", "sk", region_name=REGION)
    assert code_of(lambda: client_of(stranger, "dynamodb", url).list_tables()) == "UnrecognizedClientException"
    nobody = stranger.client("s3", endpoint_url=url, config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}))
    assert code_of(lambda: nobody.get_object(Bucket="files", Key="mine/a")) in ("AccessDenied", "403")
    assert code_of(lambda: nobody.put_object(Bucket="files", Key="mine/b", Body=b"")) in ("AccessDenied", "403")


def test_root_keys_are_random(aws: Aws) -> None:
    assert aws.twin.connection.access_key_id != "AKIAIOSFODNN7EXAMPLE"
    assert oct((aws.twin.state / "root_keys.json").stat().st_mode)[-3:] == "600"
    assert oct((aws.twin.state / "connection.json").stat().st_mode)[-3:] == "600"


def test_policy_is_scoped_to_a_table(login: Login) -> None:
    dynamodb = login(allow("dynamodb:PutItem", TABLE))("dynamodb")
    dynamodb.put_item(TableName="t", Item=ITEM)
    assert code_of(lambda: dynamodb.put_item(TableName="other", Item=ITEM)) == "AccessDeniedException"


def test_index_needs_its_own_permission(login: Login) -> None:
    dynamodb = login(allow("dynamodb:Query", TABLE))("dynamodb")
    query = {"TableName": "t", "IndexName": "by_g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "1"}}}
    assert code_of(lambda: dynamodb.query(**query)) == "AccessDeniedException"


def test_transaction_needs_the_permission_of_each_of_its_operations(login: Login) -> None:
    dynamodb = login(allow("dynamodb:PutItem", TABLE))("dynamodb")
    put = {"Put": {"TableName": "t", "Item": {"pk": {"S": "2"}}}}
    check = {"ConditionCheck": {"TableName": "t", "Key": ITEM, "ConditionExpression": "attribute_exists(pk)"}}
    dynamodb.transact_write_items(TransactItems=[put])
    message = code_of(lambda: dynamodb.transact_write_items(TransactItems=[put, check]))
    assert message == "AccessDeniedException"


def test_events_are_put_on_a_bus_from_a_source_that_the_policy_names(login: Login) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    events = login(allow("events:PutEvents", bus, StringEquals={"events:source": "mine"}))("events")
    mine, theirs = ({"Source": source, "DetailType": "t", "Detail": "{}"} for source in ("mine", "theirs"))
    assert events.put_events(Entries=[mine])["FailedEntryCount"] == 0
    for entries in ([theirs], [mine, theirs], [mine | {"EventBusName": "other"}]):
        assert code_of(lambda entries=entries: events.put_events(Entries=entries)) == "AccessDeniedException"


def test_bucket_policy_of_a_prefix(login: Login) -> None:
    s3 = login(
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::files/mine/*"),
        allow("s3:ListBucket", "arn:aws:s3:::files", StringLike={"s3:prefix": "mine/*"}),
    )("s3")
    assert s3.get_object(Bucket="files", Key="mine/a")["Body"].read() == b"x"
    assert code_of(lambda: s3.get_object(Bucket="files", Key="theirs/a")) == "AccessDenied"
    assert s3.list_objects_v2(Bucket="files", Prefix="mine/")["KeyCount"] >= 1
    assert code_of(lambda: s3.list_objects_v2(Bucket="files", Prefix="theirs/")) == "AccessDenied"
    assert code_of(lambda: s3.list_objects_v2(Bucket="files")) == "AccessDenied"
    s3.put_object(Bucket="files", Key="mine/gone", Body=b"x")
    s3.delete_objects(Bucket="files", Delete={"Objects": [{"Key": "mine/gone"}]})
    both = {"Objects": [{"Key": "mine/a"}, {"Key": "theirs/a"}]}
    assert code_of(lambda: s3.delete_objects(Bucket="files", Delete=both)) == "AccessDenied"


def test_copy_needs_permission_to_read_its_source(login: Login) -> None:
    s3 = login(allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::files/mine/*"))("s3")
    s3.copy_object(Bucket="files", Key="mine/copy", CopySource={"Bucket": "files", "Key": "mine/a"})
    assert (
        code_of(lambda: s3.copy_object(Bucket="files", Key="mine/stolen", CopySource={"Bucket": "files", "Key": "theirs/a"}))
        == "AccessDenied"
    )


def test_explicit_deny_wins(login: Login) -> None:
    s3 = login(allow("s3:*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::files/theirs/*"})("s3")
    s3.get_object(Bucket="files", Key="mine/a")
    assert code_of(lambda: s3.get_object(Bucket="files", Key="theirs/a")) == "AccessDenied"


def test_unknown_condition_allows_nothing(login: Login) -> None:
    s3 = login(allow("s3:*", "*", NumericLessThan={"aws:MultiFactorAuthAge": "300"}))("s3")
    assert code_of(lambda: s3.get_object(Bucket="files", Key="mine/a")) == "AccessDenied"


def test_presigned_url_has_the_rights_of_its_signer(login: Login) -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    s3 = login(allow("s3:GetObject", "arn:aws:s3:::files/mine/*"))("s3")
    with urlopen(s3.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "mine/a"})) as answer:
        assert answer.read() == b"x"
    with pytest.raises(HTTPError) as caught:
        urlopen(s3.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "theirs/a"}))
    assert caught.value.code == 403
    caught.value.close()


def test_role_is_passed_only_with_permission(aws: Aws, login: Login) -> None:
    aws.role("passed")
    client = login(allow("sagemaker:CreateModel"))("sagemaker")
    model = {"ModelName": "m", "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/passed", "PrimaryContainer": {"Image": "tests"}}
    assert code_of(lambda: client.create_model(**model)) == "AccessDeniedException"


def test_role_is_passed_to_the_service_of_the_condition_only(aws: Aws, login: Login) -> None:
    aws.role("passed-on")
    role = f"arn:aws:iam::{ACCOUNT}:role/passed-on"
    client = login(
        allow(["sagemaker:CreateModel", "states:CreateStateMachine"]),
        allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    )
    client("sagemaker").create_model(ModelName="passed", ExecutionRoleArn=role, PrimaryContainer={"Image": "tests"})
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    create = client("stepfunctions").create_state_machine
    assert code_of(lambda: create(name="m", roleArn=role, definition=definition)) == "AccessDeniedException"


def test_state_machine_without_a_permission_fails_with_the_reason(aws: Aws, prepared: None) -> None:
    role = aws.role("machine", allow("dynamodb:GetItem", TABLE))
    state = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName": "t", "Item": ITEM}, "End": True}
    definition = json.dumps({"StartAt": "Put", "States": {"Put": state}})
    stepfunctions = aws.client("stepfunctions")
    machine = stepfunctions.create_state_machine(name="denied", roleArn=role, definition=definition)["stateMachineArn"]
    execution = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    describe = lambda: stepfunctions.describe_execution(executionArn=execution)  # noqa: E731
    found = wait_for(describe, lambda x: x["status"] != "RUNNING")
    assert found["status"] == "FAILED"
    assert "not authorized to perform: dynamodb:PutItem" in found["cause"]
    assert "denied: " in aws.twin.log()


def test_function_without_a_permission_fails_with_the_reason(aws: Aws, prepared: None) -> None:
    aws.function("records", aws.role("no-rights", allow("logs:*")), Environment={"Variables": {"RECORDS": "t"}})
    payload = json.load(aws.client("lambda").invoke(FunctionName="records", Payload=b"{}")["Payload"])
    assert "not authorized to perform: dynamodb:PutItem" in payload["errorMessage"]


def test_function_whose_role_is_gone_may_nothing(aws: Aws, prepared: None) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/never-made"
    with pytest.raises(ClientError):
        aws.function("orphan", role, "records", Environment={"Variables": {"RECORDS": "t"}})
