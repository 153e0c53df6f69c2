"""Executions that were running when the twin ended: no thread of theirs has survived, so they are ABORTED, and say so on the event bus."""

from moto.core.utils import utcnow
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from twin.stepfunctions.executions import announce


def abort_running_executions() -> None:
    """End them. Product code hears the event and repairs what they left."""
    for regions in list(stepfunctions_parser_backends.values()):
        for backend in list(regions.values()):
            for machine in list(backend.state_machines):
                for execution in list(machine.executions):
                    if execution.status == ExecutionStatus.RUNNING:
                        execution.exec_status = ExecutionStatus.ABORTED
                        execution.error, execution.cause = "Twin.Restarted", "the twin was restarted"
                        execution.stop_date = utcnow()
                        announce(execution)
