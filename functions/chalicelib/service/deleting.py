"""Parts of a deletion. Each goes on where another was cut off: what is deleted is not found again. They end when time is short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from chalicelib.ports import Platform, Records
from chalicelib.service.finding import listed
from chalicelib.service.freezing import VERSION
from droplearn.contracts.dataset import DatasetVersion
from droplearn.contracts.s3_layout import version_prefix

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


def delete_listed(records: Records[Any], listed_in: str, has_time: HasTime) -> bool:
    """A whole list of records."""
    return delete_records(records, (record.key for record in listed(records, listed_in)), has_time)


def delete_version(platform: Platform, project: str, version_id: str | None, has_time: HasTime) -> bool:
    """A dataset version, if it is this project's."""
    body = platform.artifacts.read(version_prefix(version_id) + VERSION) if version_id else None
    if version_id is None or body is None or DatasetVersion.from_json(body).project != project:
        return True
    return delete_below(platform, version_prefix(version_id), has_time)
