"""Parts of a deletion. Each goes on where another was cut off: what is deleted is not found again. They end when time is short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from chalicelib.ports import Platform, Records

HasTime = Callable[[], bool]
AT_ONCE = 1000
"""Objects of one DeleteObjects. Source: Amazon S3 API Reference."""


def delete_below(platform: Platform, prefix: str, has_time: HasTime) -> bool:
    """Objects of the artifact bucket. False: there may be more."""
    return delete_objects(platform, (found.key for found in platform.artifacts.listed(prefix)), has_time)


def delete_objects(platform: Platform, keys: Iterable[str], has_time: HasTime) -> bool:
    """The same, by name."""
    left = iter(keys)
    while some := list(islice(left, AT_ONCE)):
        if not has_time():
            return False
        platform.artifacts.remove(some)
    return True


def delete_records(records: Records[Any], keys: Iterable[str], has_time: HasTime) -> bool:
    """Whether they are there or not."""
    for key in keys:
        if not has_time():
            return False
        records.remove(key)
    return True
