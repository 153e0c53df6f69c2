"""Service quotas, for tests of what happens when capacity is missing: none unless DIR/quotas.json (or TWIN_QUOTAS) names some.

The document maps an instance type to how many instances training jobs may use at a time: `{"ml.m5.large": 1}`; or a quota's whole name
to its value: `{"ml.c5.large for transform job usage": 0}`.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.core.exceptions import JsonRESTError

from twin.sagemaker.jobs import RUNNING, Job

_RESOURCES = {"TrainingJob": ("ResourceConfig", "training job usage"), "TransformJob": ("TransformResources", "transform job usage")}


def check_quota(file: Path, kind: str, request: dict[str, Any], jobs: Iterable[Job]) -> None:
    """Refuse a job above its quota, in SageMaker's words. `kind`: TrainingJob or TransformJob; `jobs`: all of that kind.

    Raises:
        JsonRESTError: ResourceLimitExceeded.
    """
    text = file.read_text() if file.exists() else os.environ.get("TWIN_QUOTAS", "{}")
    field, use = _RESOURCES[kind]
    resources, limits = request[field], json.loads(text)
    instance_type = resources.get("InstanceType")
    limit = limits.get(f"{instance_type} for {use}", limits.get(instance_type) if kind == "TrainingJob" else None)
    if limit is None:
        return
    wanted = int(resources.get("InstanceCount", 1))
    used = sum(_instances(job, field, instance_type) for job in jobs)
    if used + wanted > limit:
        message = (
            f"The account-level service limit '{instance_type} for {use}' is {limit} Instances, with current utilization of "
            f"{used} Instances and a request delta of {wanted} Instances. Please contact AWS support to request an increase for this limit."
        )
        raise JsonRESTError("ResourceLimitExceeded", message)


def _instances(job: Job, field: str, instance_type: str) -> int:
    resources = job.request[field]
    is_counted = job.status in RUNNING and resources.get("InstanceType") == instance_type
    return int(resources.get("InstanceCount", 1)) if is_counted else 0
