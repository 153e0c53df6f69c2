"""Operations on endpoints, their configurations and models: what moto's leave out, and what they do not refuse."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from twin.sagemaker.endpoints import Endpoints
from twin.sagemaker.scaling import refuse_scaled, refuse_serverless

Operation = Callable[[Any], Any]


class EndpointOperations:
    """In the place of moto's, which it keeps and calls. Make it once."""

    def __init__(self, endpoints: Endpoints):
        self._endpoints = endpoints
        response = SageMakerResponse
        self._create, self._delete = response.create_endpoint, response.delete_endpoint
        self._create_model, self._create_config = response.create_model, response.create_endpoint_config

    def install(self, alone: Callable[[Operation], Operation]) -> None:
        """`alone`: makes an operation wait for the others."""
        response = SageMakerResponse
        response.create_endpoint, response.update_endpoint = alone(self.create), alone(self.update)
        response.delete_endpoint, response.update_endpoint_weights_and_capacities = alone(self.delete), alone(self.weigh)
        response.create_model, response.create_endpoint_config = alone(self.create_model), alone(self.create_config)

    def create(self, request: Any) -> Any:
        """CreateEndpoint."""
        backend, name = request.sagemaker_backend, request.params["EndpointName"]
        _refuse_existing(backend.endpoints, name, "endpoint", request)
        result = self._create(request)
        self._endpoints.create(backend, backend.endpoints[name])
        return result

    def update(self, request: Any) -> ActionResult:
        """UpdateEndpoint."""
        backend, name = request.sagemaker_backend, request.params["EndpointName"]
        backend.describe_endpoint(name)  # raises when it does not exist
        endpoint = backend.endpoints[name]
        if endpoint.endpoint_status not in ("InService", "Failed"):
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
        _require_config(backend, request.params["EndpointConfigName"])
        refuse_scaled(backend, endpoint, request.params["EndpointConfigName"])
        self._endpoints.update(backend, endpoint, request.params["EndpointConfigName"])
        return ActionResult({"EndpointArn": endpoint.arn})

    def weigh(self, request: Any) -> ActionResult:
        """UpdateEndpointWeightsAndCapacities."""
        backend, name = request.sagemaker_backend, request.params["EndpointName"]
        backend.describe_endpoint(name)
        endpoint = backend.endpoints[name]
        wanted = {v["VariantName"]: float(v["DesiredWeight"]) for v in request.params["DesiredWeightsAndCapacities"]}
        _require_variants(endpoint, wanted)
        self._endpoints.weigh(backend, endpoint, wanted)
        return ActionResult({"EndpointArn": endpoint.arn})

    def delete(self, request: Any) -> Any:
        """DeleteEndpoint."""
        backend = request.sagemaker_backend
        endpoint = backend.endpoints.get(request.params["EndpointName"])
        result = self._delete(request)
        self._endpoints.delete(backend, endpoint)
        return result

    def create_model(self, request: Any) -> Any:
        """CreateModel, once for each name."""
        _refuse_existing(request.sagemaker_backend._models, request.params["ModelName"], "model", request)
        result = self._create_model(request)
        model = request.sagemaker_backend._models[request.params["ModelName"]]
        model.enable_network_isolation = bool(request.params.get("EnableNetworkIsolation"))
        return result

    def create_config(self, request: Any) -> Any:
        """CreateEndpointConfig, once for each name."""
        configs = request.sagemaker_backend.endpoint_configs
        _refuse_existing(configs, request.params["EndpointConfigName"], "endpoint configuration", request)
        refuse_serverless(request.sagemaker_backend, request.params["ProductionVariants"])
        return self._create_config(request)


def _refuse_existing(found: dict[str, Any], name: str, word: str, request: Any) -> None:
    if name in found:
        arn = f"arn:aws:sagemaker:{request.region}:{request.current_account}:{word.replace('uration', '').replace(' ', '-')}/{name}"
        raise ValidationError(message=f'Cannot create already existing {word} "{arn}".')


def _require_variants(endpoint: Any, wanted: dict[str, float]) -> None:
    if endpoint.endpoint_status != "InService":
        raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
    known = {variant["VariantName"] for variant in endpoint.production_variants}
    if unknown := sorted(set(wanted) - known):
        config = endpoint.endpoint_config_name
        message = f'The variant name(s) "{", ".join(unknown)}" is/are not present within endpoint configuration "{config}".'
        raise ValidationError(message=message)


def _require_config(backend: Any, name: str) -> None:
    if name not in backend.endpoint_configs:
        arn = f"arn:aws:sagemaker:{backend.region_name}:{backend.account_id}:endpoint-config/{name}"
        raise ValidationError(message=f'Could not find endpoint configuration "{arn}".')
