"""Application Auto Scaling of endpoints: targets and policies are kept as in AWS, and nothing scales. moto knows of no endpoint there.

Source: Application Auto Scaling API reference, RegisterScalableTarget and DeregisterScalableTarget; Amazon SageMaker developer guide,
"Update endpoints that use auto scaling".
"""

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, applicationautoscaling_backends
from moto.core.exceptions import JsonRESTError
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpoint, sagemaker_backends

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def install() -> None:
    """A target must be a variant that is there; its policies go with it."""
    backend = ApplicationAutoscalingBackend
    register = backend.register_scalable_target

    def register_variant(self: Any, namespace: str, r_id: str, *rest: Any, **more: Any) -> Any:
        if namespace == "sagemaker":
            _require_variant(self, r_id)
        return register(self, namespace, r_id, *rest, **more)

    backend.register_scalable_target, backend.deregister_scalable_target = register_variant, deregister


def deregister(self: Any, namespace: str, r_id: str, dimension: str) -> None:
    """DeregisterScalableTarget: the policies go, too. moto leaves them, and calls what is not there a ValidationException."""
    if self.targets.get(dimension, {}).pop(r_id, None) is None:
        message = f"No scalable target found for service namespace: {namespace}, resource ID: {r_id}, scalable dimension: {dimension}"
        raise JsonRESTError("ObjectNotFoundException", message)
    self.policies = {key: policy for key, policy in self.policies.items() if policy.resource_id != r_id}


def _require_variant(backend: ApplicationAutoscalingBackend, resource_id: str) -> None:
    _, endpoint_name, _, variant = resource_id.split("/")
    endpoint = sagemaker_backends[backend.account_id][backend.region_name].endpoints.get(endpoint_name)
    found = endpoint is not None and any(v["VariantName"] == variant for v in endpoint.production_variants)
    if not found:
        raise AWSValidationException(f"SageMaker endpoint variant not found: {resource_id}")


def refuse_scaled(backend: Any, endpoint: FakeEndpoint, config_name: str) -> None:
    """An update that would take a scaled variant away."""
    targets = applicationautoscaling_backends[backend.account_id][backend.region_name].targets.get(_DIMENSION, {})
    kept = {variant["VariantName"] for variant in backend.describe_endpoint_config(config_name)["ProductionVariants"]}
    gone = {variant["VariantName"] for variant in endpoint.production_variants} - kept
    scaled = sorted(name for name in gone if f"endpoint/{endpoint.endpoint_name}/variant/{name}" in targets)
    if scaled:
        message = f"The variant(s) {', '.join(scaled)} of the endpoint are scalable targets: deregister them before they are removed."
        raise ValidationError(message=message)


def refuse_serverless(backend: Any, variants: list[dict[str, Any]]) -> None:
    """What serverless cannot do. Source: Amazon SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference"."""
    if not any("ServerlessConfig" in variant for variant in variants):
        return
    models = [backend.describe_model(variant["ModelName"]) for variant in variants]
    if len(variants) > 1 or any(model.vpc_config or model.enable_network_isolation for model in models):
        message = "Serverless inference does not support several production variants, VPC configuration and network isolation."
        raise ValidationError(message=message)
