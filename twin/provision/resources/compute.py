"""Lambda functions and state machines."""

# ruff: noqa: N803  (the names of the parameters are CloudFormation's)

import json
from typing import Any

from twin.provision.aws import Aws
from twin.provision.resources.registry import Applied, applies, deletes, tag_map


@applies("AWS::Lambda::Function")
def function(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    Code: dict[str, Any],
    FunctionName: str | None = None,
    ReservedConcurrentExecutions: Any = None,
    Tags: Any = None,
    **configuration: Any,
) -> Applied:
    """A function. Its update is two calls."""
    name = existing or FunctionName or name
    configuration["Environment"] = configuration.get("Environment") or {"Variables": {}}
    if existing is None:
        made = aws.call("lambda", "CreateFunction", FunctionName=name, Code=Code, Tags=tag_map(Tags), **configuration)
    else:
        architectures = configuration.pop("Architectures", None)
        configuration.pop("PackageType", None)
        aws.call("lambda", "UpdateFunctionCode", FunctionName=name, Architectures=architectures, **Code)
        made = aws.call("lambda", "UpdateFunctionConfiguration", FunctionName=name, **configuration)
    if ReservedConcurrentExecutions is not None:
        limit = ReservedConcurrentExecutions
        aws.call("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=limit)
    elif existing is not None:
        aws.call("lambda", "DeleteFunctionConcurrency", FunctionName=name)
    return Applied(name, {"Arn": made["FunctionArn"]})


@deletes("AWS::Lambda::Function")
def delete_function(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A function."""
    aws.call("lambda", "DeleteFunction", FunctionName=ref)


@applies("AWS::Lambda::Permission")
def permission(aws: Aws, name: str, existing: str | None, *, FunctionName: str, **statement: Any) -> Applied:
    """A statement of a function's policy. It has no update: remove and add."""
    if existing is not None:
        aws.call("lambda", "RemovePermission", FunctionName=FunctionName, StatementId=existing)
    aws.call("lambda", "AddPermission", FunctionName=FunctionName, StatementId=name, **statement)
    return Applied(name)


@deletes("AWS::Lambda::Permission")
def delete_permission(aws: Aws, ref: str, properties: dict[str, Any]) -> None:
    """A statement of a function's policy."""
    aws.call("lambda", "RemovePermission", FunctionName=properties["FunctionName"], StatementId=ref)


@applies("AWS::Lambda::EventSourceMapping")
def event_source_mapping(aws: Aws, _name: str, existing: str | None, **properties: Any) -> Applied:
    """A poller."""
    if existing is None:
        existing = str(aws.call("lambda", "CreateEventSourceMapping", **properties)["UUID"])
    else:
        properties.pop("EventSourceArn")
        aws.call("lambda", "UpdateEventSourceMapping", UUID=existing, **properties)
    return Applied(existing, {"Id": existing})


@deletes("AWS::Lambda::EventSourceMapping")
def delete_event_source_mapping(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A poller."""
    aws.call("lambda", "DeleteEventSourceMapping", UUID=ref)


@applies("AWS::Lambda::EventInvokeConfig")
def event_invoke_config(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    FunctionName: str,
    Qualifier: str = "$LATEST",
    MaximumRetryAttempts: Any = None,
    MaximumEventAgeInSeconds: Any = None,
    DestinationConfig: Any = None,
) -> Applied:
    """Retries and failure destination of asynchronous invocations."""
    if Qualifier != "$LATEST":
        raise ValueError("AWS::Lambda::EventInvokeConfig: the twin has only $LATEST")
    aws.call(
        "lambda",
        "PutFunctionEventInvokeConfig",
        FunctionName=FunctionName,
        MaximumRetryAttempts=MaximumRetryAttempts,
        MaximumEventAgeInSeconds=MaximumEventAgeInSeconds,
        DestinationConfig=DestinationConfig,
    )
    return Applied(existing or name)


@deletes("AWS::Lambda::EventInvokeConfig")
def delete_event_invoke_config(aws: Aws, _ref: str, properties: dict[str, Any]) -> None:
    """Back to Lambda's own retries."""
    aws.call("lambda", "DeleteFunctionEventInvokeConfig", FunctionName=properties["FunctionName"])


@applies("AWS::StepFunctions::StateMachine")
def state_machine(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    RoleArn: str,
    DefinitionS3Location: Any = None,
    DefinitionString: Any = None,
    DefinitionSubstitutions: Any = None,
    StateMachineName: str | None = None,
    StateMachineType: str = "STANDARD",
    LoggingConfiguration: Any = None,
    TracingConfiguration: Any = None,
    Tags: Any = None,
) -> Applied:
    """A state machine; its definition is read from S3 and filled in here, as CloudFormation does."""
    if DefinitionS3Location:
        place = {"Bucket": DefinitionS3Location["Bucket"], "Key": DefinitionS3Location["Key"]}
        text = aws.client("s3").get_object(**place)["Body"].read().decode()
    else:
        text = DefinitionString if isinstance(DefinitionString, str) else json.dumps(DefinitionString)
    options = {
        "definition": substitute(text, DefinitionSubstitutions or {}),
        "roleArn": RoleArn,
        "loggingConfiguration": LoggingConfiguration,
        "tracingConfiguration": TracingConfiguration,
    }
    if existing is None:
        tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in Tags or []]
        name = StateMachineName or name
        made = aws.call("stepfunctions", "CreateStateMachine", name=name, type=StateMachineType, tags=tags, **options)
        existing = str(made["stateMachineArn"])
    else:
        aws.call("stepfunctions", "UpdateStateMachine", stateMachineArn=existing, **options)
    return Applied(existing, {"Arn": existing, "Name": existing.rsplit(":", 1)[-1]})


@deletes("AWS::StepFunctions::StateMachine")
def delete_state_machine(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A state machine."""
    aws.call("stepfunctions", "DeleteStateMachine", stateMachineArn=ref)


def substitute(definition: str, values: dict[str, Any]) -> str:
    """Each ${Name} by its value. One left over or one unused is a mistake (AWS takes the first word for word).

    Raises:
        ValueError: a mistake in the substitutions, or no JSON after them.
    """
    for name, value in values.items():
        placeholder = "${" + name + "}"
        if placeholder not in definition:
            raise ValueError(f"DefinitionSubstitutions.{name} is not used by the state machine")
        definition = definition.replace(placeholder, json.dumps(str(value))[1:-1])
    if "${" in definition:
        raise ValueError(f"no DefinitionSubstitutions for {definition[definition.index('${') :][:40]}")
    json.loads(definition)
    return definition
