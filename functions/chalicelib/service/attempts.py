"""What records have in common whose work is done by executions, one for each attempt: how they start, end, and start anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from chalicelib.domain.failure import Problem, problem_of
from chalicelib.domain.records import Executed
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform, Records, TrainingJobs, TransformJobs
from droplearn.contracts.errors import DropLearnError

E = TypeVar("E", bound=Executed)
CREATED, STOPPED, FAILED = "CREATED", "STOPPED", "FAILED"
"""Every kind of record has these states."""
TRIES = 5
"""Of what another hand may get in the way of."""


def start(platform: Platform, records: Records[E], record: E, machine: str, given: Mapping[str, Any]) -> E:
    """Twice is as good as once. A record whose execution cannot be started is not left hanging. Raises what hinders the start."""
    if record.execution is not None or record.status != CREATED:
        return record
    try:
        arn = platform.executions.start(machine, record.execution_name, given)
    except DropLearnError as error:
        end(platform, records, record, FAILED, [CREATED], problem_of(error))
        raise
    return records.change(record.id, {"execution": arn}) or record


def end(
    platform: Platform,
    records: Records[E],
    record: E,
    status: str,
    only_from: Collection[str],
    error: Problem | None = None,
    **changes: Any,
) -> E | None:
    """It is over, with this status. None: it is in none of the states `only_from`, or in another attempt."""
    now = text_of(platform.now())
    over = {"status": status, "error": error, "updated_at": now, "ended_at": now}
    return records.change(record.id, over | changes, only_if={"status": only_from, "attempt": [record.attempt]})


def end_at_once(platform: Platform, records: Records[E], record: E, cause: str, **changes: Any) -> E | None:
    """STOPPED, without waiting for its execution. None: its state has changed meanwhile."""
    stopped = end(platform, records, record, STOPPED, [record.status], **changes)
    if stopped is not None and stopped.execution:
        platform.executions.stop(stopped.execution, cause)
    return stopped


def ask_to_stop(jobs: TrainingJobs | TransformJobs, name: str, pause: Callable[[float], None]) -> None:
    """A job is created an instant after its record says that it runs."""
    for _ in range(TRIES):
        if jobs.stop(name) != "unknown":
            return
        pause(0.5)


def begin_anew(
    platform: Platform,
    records: Records[E],
    record: E,
    only_from: Collection[str],
    forgotten: Collection[str],
    unless: Collection[str] = (),
    **changes: Any,
) -> E | None:
    """CREATED, for the next attempt. `forgotten`: fields of the last one. None: it is in none of the states `only_from`, or one of the
    fields `unless` is set.
    """
    anew = {"status": CREATED, "attempt": record.attempt + 1, "updated_at": text_of(platform.now())}
    only_if = {"status": only_from, "attempt": [record.attempt]} | {name: [None] for name in unless}
    return records.change(record.id, dict.fromkeys((*forgotten, "execution", "ended_at", "error")) | anew | changes, only_if=only_if)
