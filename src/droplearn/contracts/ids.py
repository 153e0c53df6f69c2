"""Names that people give, and ids that we give.

Names of projects, datasets, tasks and services: 1 to 30 characters, first a Latin letter, a digit or a Chinese character,
then also `_` and `-`.
Ids: a kind and a ULID in lower case, sortable by time: `task-01k9z...` (Source: ulid/spec, Crockford base 32).
"""

from __future__ import annotations

import re
import secrets
import time
from threading import Lock
from typing import Annotated, Literal

from pydantic import StringConstraints

from droplearn.contracts.errors import InvalidRequest

_CHINESE = "\\u3400-\\u4dbf\\u4e00-\\u9fff"
NAME_PATTERN = f"^[A-Za-z0-9{_CHINESE}][A-Za-z0-9_{_CHINESE}-]{{0,29}}$"
NAME_FORM = "Use 1 to 30 letters, digits, Chinese characters, _ or -, beginning with a letter, a digit or a Chinese character."
_NAME = re.compile(NAME_PATTERN.replace("^", "").replace("$", ""))


class _Ulids:
    """Source: ulid/spec, "Monotonicity": within a millisecond the one before, and one more."""

    def __init__(self) -> None:
        self._last, self._lock = 0, Lock()

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        with self._lock:
            self._last = max(fresh, self._last + 1)
            return self._last


_ULIDS = _Ulids()
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Kind = Literal["task", "model", "eval", "service", "update", "batch", "test", "trial", "token", "request", "preview", "export"]


def is_name(text: str) -> bool:
    """Whether text may name a project, a dataset, a task or a service."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str, what: str) -> str:
    """Raises InvalidRequest (`name.invalid`)."""
    if not is_name(text):
        raise InvalidRequest(
            "name.invalid",
            f"{text!r} cannot name a {what}.",
            hint=NAME_FORM,
        )
    return text


def new_id(kind: Kind) -> str:
    """48 bits of milliseconds and 80 random bits: ids made later sort later, by one process also within a millisecond."""
    number = _ULIDS.next()
    return f"{kind}-" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def model_id_of(task_id: str) -> str:
    """A task makes at most one model: its id follows from the task's, so that making it twice changes nothing."""
    return "model-" + task_id.removeprefix("task-")


def task_id_of(model_id: str) -> str:
    """The reverse."""
    return "task-" + model_id.removeprefix("model-")
