"""What nothing here uses, and other modules of moto import: they would cost each start most of a second. Who does use it is told."""

import sys
import types
from collections import defaultdict
from typing import Any, NoReturn


class NoBatch:
    """Stands for the integration of Step Functions with AWS Batch: a definition that names it is refused."""

    def __init__(self) -> None:
        raise NotImplementedError("the twin has no AWS Batch")


class NoCluster:
    """Stands for the backend of Amazon ECS, which Application Auto Scaling holds and asks about services of ECS only."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # pickle asks
            raise AttributeError(name)
        raise NotImplementedError("the twin has no Amazon ECS")


def refuse_document(*_: Any) -> NoReturn:
    """Stands for the check of an OpenAPI document."""
    raise NotImplementedError("the twin makes no API from an OpenAPI document")


_STAND_INS: dict[str, dict[str, Any]] = {
    "moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch": {"StateTaskServiceBatch": NoBatch},
    "moto.ecs": {"ecs_backends": defaultdict(lambda: defaultdict(NoCluster))},
    "openapi_spec_validator": {"validate": refuse_document},  # for bodies of REST APIs; API Gateway's second version imports the first
    "openapi_spec_validator.validation": {},
    "openapi_spec_validator.validation.exceptions": {"OpenAPIValidationError": type("OpenAPIValidationError", (Exception,), {})},
}


def install() -> None:
    """Before anything of moto that imports them."""
    for name, content in _STAND_INS.items():
        stand_in = types.ModuleType(name)
        stand_in.__dict__.update(content)
        sys.modules.setdefault(name, stand_in)
