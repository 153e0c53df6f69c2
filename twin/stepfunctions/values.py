"""How values travel: parameter and response case of integrations, JSONata, times, error names out of Parallel and Map."""

import functools
import json
from datetime import datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

_SDK_NAMES = {"sagemaker": "SageMaker", "s3": "S3", "sqs": "Sqs", "lambda": "Lambda", "eventbridge": "EventBridge"}


def install() -> None:
    """Install all repairs of this module."""
    StateTaskService._normalise_parameters = _to_boto_case
    StateTaskService._normalise_response = _from_boto_case
    # States.* errors that leave a branch: moto's CustomErrorName refuses them, and the error becomes States.Runtime
    branches_decl.CustomErrorName = iteration_worker.CustomErrorName = ErrorName
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES.update(_SDK_NAMES)
    jsonata._eval_jsonata = _evaluate_jsonata
    state.StateData = _state_data
    for module in (states, variable_store):
        module.encode_jsonata_variable_declarations = _encode_variables


@functools.cache
def _shape(service: str, action: str, which: str) -> Any:
    try:
        model = ServiceModel(Loader().load_service_model(service, "service-2"))
    except UnknownServiceError:
        return None
    operation = next((name for name in model.operation_names if xform_name(name) == action), None)
    return getattr(model.operation_model(operation), which) if operation else None


def _to_boto_case(
    self: Any, parameters: dict[str, Any], boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Moto leaves this empty, so that `StateMachineArn` reaches boto3 unchanged."""
    action = self._get_boto_service_action(service_action_name)
    shape = _shape(self._get_boto_service_name(boto_service_name), action, "input_shape")
    if shape is not None:
        self._to_boto_request(parameters, shape)


def _from_boto_case(self: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None) -> None:
    action = self._get_boto_service_action(service_action_name)
    shape = _shape(self._get_boto_service_name(boto_service_name), action, "output_shape")
    if shape is not None:
        self._from_boto_response(response, shape)


def _evaluate_jsonata(expression: str) -> Any:
    from jsonata import Jsonata

    return json.loads(json.dumps(Jsonata(expression).evaluate(None)))


def _state_data(EnteredTime: str, Name: str) -> dict[str, str]:  # noqa: N803 (moto calls it so)
    """Milliseconds and Z, as in AWS. Source: AWS Step Functions Developer Guide, "Accessing execution data from the Context object"."""
    return {"EnteredTime": datetime.fromisoformat(EnteredTime).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", "Name": Name}


def _encode_variables(bindings: dict[str, Any]) -> str:
    """Moto writes strings between quotes without escaping them."""

    def encode(value: Any) -> str:
        return json.dumps(value) if isinstance(value, str) else to_json_str(value, separators=(",", ":"))

    return "".join(f"{name}:={encode(value)};" for name, value in bindings.items())
