"""moto's methods that look first and write then, made one step. Without a lock two requests at once both find that something is missing:
the second log group replaces the first and its streams, one name has two executions, and a bus meets a rule that is being added.
"""

import functools
import threading
from collections.abc import Iterator
from typing import Any

from moto.events.models import EventsBackend
from moto.logs.models import LogsBackend
from moto.s3.utils import _VersionedKeyStore
from moto.stepfunctions.parser.models import StepFunctionsParserBackend


def install() -> None:
    """Before anything else replaces these methods."""
    one_at_a_time(LogsBackend, "ensure_log_group", "create_log_group", "create_log_stream", "delete_log_group")
    one_at_a_time(EventsBackend, "put_events", "put_rule", "delete_rule")
    one_at_a_time(StepFunctionsParserBackend, "start_execution", "create_state_machine")
    _VersionedKeyStore.items = _items


def one_at_a_time(kind: type, *methods: str) -> None:
    """Let these methods of all objects of a class wait for each other."""
    lock = threading.RLock()

    def locked(method: Any) -> Any:
        @functools.wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            with lock:
                return method(*arguments, **named)

        return call

    for name in methods:
        setattr(kind, name, locked(getattr(kind, name)))


def _items(keys: Any) -> Iterator[tuple[str, Any]]:
    """A bucket's keys and objects as they are now. moto looks each object up again, and fails when it has been deleted meanwhile."""
    return iter([(name, versions[-1]) for name, versions in list(dict.items(keys)) if versions])
