"""Integrations that no state machine here uses. AWS Batch, whose module loads moto's EC2, would cost each start half a second."""

import sys
import types

_BATCH = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch"


class NoBatch:
    """Stands for the integration: a definition that names it is refused."""

    def __init__(self) -> None:
        raise NotImplementedError("the twin has no AWS Batch")


def install() -> None:
    """Before the interpreter is imported."""
    stand_in = types.ModuleType(_BATCH)
    stand_in.StateTaskServiceBatch = NoBatch  # type: ignore[attr-defined]
    sys.modules.setdefault(_BATCH, stand_in)
