"""The port Autoscaling on Application Auto Scaling: target tracking of the invocations of each instance.

Source: Amazon SageMaker developer guide, "Automatic scaling of Amazon SageMaker AI models"; Application Auto Scaling API reference,
DeregisterScalableTarget (it deletes the target's policies).
"""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, translated
from chalicelib.domain.hosting import ScalingRange

POLICY = "invocations"


class SageMakerAutoscaling:
    """One scalable target with one policy for each production variant."""

    def set(self, service_id: str, variant: str, wanted: ScalingRange) -> None:
        """Both calls write over what was there."""
        target = _target(service_id, variant)
        with translated():
            client("application-autoscaling").register_scalable_target(
                **target, MinCapacity=wanted["min_instances"], MaxCapacity=wanted["max_instances"]
            )
            client("application-autoscaling").put_scaling_policy(
                **target,
                PolicyName=POLICY,
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration={
                    "TargetValue": wanted["invocations_per_minute"],
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                },
            )

    def remove(self, service_id: str, variants: Sequence[str]) -> None:
        """One DeregisterScalableTarget each."""
        for variant in variants:
            with translated():
                try:
                    client("application-autoscaling").deregister_scalable_target(**_target(service_id, variant))
                except ClientError as error:
                    if code_of(error) != "ObjectNotFoundException":
                        raise


def _target(service_id: str, variant: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{service_id}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
