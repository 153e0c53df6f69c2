"""The optimised integration `arn:aws:states:::sagemaker:<action>[.sync]`, which moto does not have.

Source: AWS Step Functions developer guide, "Create and manage Amazon SageMaker AI jobs with Step Functions".
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str


class _Job(NamedTuple):
    """How a `.sync` action's job is watched and stopped."""

    kind: str  # TrainingJob
    describe: str
    stop: str

    @property
    def name_key(self) -> str:
        return f"{self.kind}Name"

    @property
    def status_key(self) -> str:
        return f"{self.kind}Status"


JOBS = {
    "createTrainingJob": _Job("TrainingJob", "describe_training_job", "stop_training_job"),
    "createProcessingJob": _Job("ProcessingJob", "describe_processing_job", "stop_processing_job"),
    "createTransformJob": _Job("TransformJob", "describe_transform_job", "stop_transform_job"),
}
_IMMEDIATE = {"createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"}


class SageMakerTask(state_task_service_callback.StateTaskServiceCallback):
    """A task state of the SageMaker integration."""

    def __init__(self) -> None:
        # AWS has no WaitForTaskToken here, but without it moto makes no callback endpoint, and .sync ends in an AttributeError
        super().__init__(supported_integration_patterns={ResourceCondition.Sync, ResourceCondition.WaitForTaskToken})

    def _get_supported_parameters(self) -> set[str] | None:
        return set() if self.resource.api_action in JOBS.keys() | _IMMEDIATE else None  # None: refused at CreateStateMachine

    def _client(self, resource: Any, credentials: Any) -> Any:
        return boto_client.boto_client_for(service="sagemaker", region=resource.region, state_credentials=credentials)

    def _failure(self, env: Any, error_name: Any, error: str, cause: str) -> FailureEvent:
        details = TaskFailedEventDetails(
            error=error, cause=cause, resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type()
        )
        return FailureEvent(
            env=env,
            error_name=error_name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            name = _error_name(ex)
            return self._failure(env, CustomErrorName(name), name, _cause(ex))
        return super()._from_error(env=env, ex=ex)

    def _eval_service_task(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> None:
        client = self._client(resource_runtime_part, state_credentials)
        response = getattr(client, self._get_boto_service_action())(**normalised_parameters)
        response.pop("ResponseMetadata", None)
        env.stack.append(response)
        if self.resource.condition == ResourceCondition.Sync and not env.is_running():  # the task's time was over before the call was
            self.cancel(resource_runtime_part, normalised_parameters, state_credentials, response)

    def _build_sync_resolver(
        self, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
    ) -> Callable[[], Any]:
        env.stack.pop()
        kind = JOBS[self.resource.api_action]
        client = self._client(resource_runtime_part, state_credentials)
        name = normalised_parameters[kind.name_key]

        def resolve() -> Any:
            job = getattr(client, kind.describe)(**{kind.name_key: name})
            job.pop("ResponseMetadata", None)
            job = json.loads(to_json_str(job))  # times become strings
            if job[kind.status_key] in ("Failed", "Stopped"):
                failed = StatesErrorNameType.StatesTaskFailed
                raise FailureEventException(self._failure(env, StatesErrorName(typ=failed), failed.to_name(), to_json_str(job)))
            return job if job[kind.status_key] == "Completed" else None

        return resolve

    def cancel(self, resource: Any, parameters: dict[str, Any], credentials: Any, _output: Any) -> None:
        """Stop the job whose execution was stopped or whose task timed out."""
        kind = JOBS[self.resource.api_action]
        getattr(self._client(resource, credentials), kind.stop)(**{kind.name_key: parameters[kind.name_key]})


def _error_name(error: ClientError) -> str:
    """The exception's class in the AWS SDK for Java 1, which Step Functions names; unmodelled codes have the service's base class."""
    code = error.response["Error"]["Code"]
    if type(error) is ClientError:
        return "SageMaker.AmazonSageMakerException"
    return f"SageMaker.{code}" if code.endswith("Exception") else f"SageMaker.{code}Exception"


def _cause(error: ClientError) -> str:
    about = error.response["ResponseMetadata"]
    return (
        f"{error.response['Error']['Message']} (Service: AmazonSageMaker; Status Code: {about['HTTPStatusCode']}; "
        f"Error Code: {error.response['Error']['Code']}; Request ID: {about.get('RequestId')}; Proxy: null)"
    )


def install() -> None:
    """Let moto's factory know the service."""
    original = state_task_factory.state_task_service_for

    def state_task_service_for(service_name: str) -> Any:
        return SageMakerTask() if service_name == "sagemaker" else original(service_name)

    state_task_factory.state_task_service_for = state_task_service_for
