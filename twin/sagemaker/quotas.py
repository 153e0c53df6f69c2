"""Service quotas, for tests of what happens when capacity is missing: none unless DIR/quotas.json (or TWIN_QUOTAS) names some.

The document maps an instance type to how many instances training jobs may use at a time: `{"ml.m5.large": 1}`.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.core.exceptions import JsonRESTError

from twin.sagemaker.jobs import RUNNING, Job


def check_training_quota(file: Path, request: dict[str, Any], jobs: Iterable[Job]) -> None:
    """Refuse a training job above its quota, in SageMaker's words.

    Raises:
        JsonRESTError: ResourceLimitExceeded.
    """
    text = file.read_text() if file.exists() else os.environ.get("TWIN_QUOTAS", "{}")
    resources = request["ResourceConfig"]
    instance_type = resources.get("InstanceType")
    limit = json.loads(text).get(instance_type)
    if limit is None:
        return
    wanted = int(resources.get("InstanceCount", 1))
    used = sum(_instances(job, instance_type) for job in jobs)
    if used + wanted > limit:
        message = (
            f"The account-level service limit '{instance_type} for training job usage' is {limit} Instances, with current utilization of "
            f"{used} Instances and a request delta of {wanted} Instances. Please contact AWS support to request an increase for this limit."
        )
        raise JsonRESTError("ResourceLimitExceeded", message)


def _instances(job: Job, instance_type: str) -> int:
    resources = job.request["ResourceConfig"]
    is_counted = job.status in RUNNING and resources.get("InstanceType") == instance_type
    return int(resources.get("InstanceCount", 1)) if is_counted else 0
