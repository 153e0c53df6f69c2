"""S3 notifications -> object events -> example records. Pure: no AWS, no clock. The service that stores the result: service/indexing.py.

Source of the message form, of the quoted keys and of the order of sequencers: Amazon S3 User Guide, "Event message structure".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from chalicelib.domain.example import Example
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.s3_layout import CONFIG_FILE, ExampleKey, parse_example_key
from droplearn.scenarios.scenario import Recognised

SEQUENCER_WIDTH = 32
"""Hexadecimal digits after padding; S3 sends 16 to 18."""
TOMBSTONE_LIFE_S = 15 * 24 * 3600
"""A message lives at most 14 days, dead-letter queue included, so no older event can come after this. Source: Amazon SQS message quotas."""

_SEQUENCER = re.compile(rf"[0-9A-F]{{1,{SEQUENCER_WIDTH}}}")
_CREATED = ("ObjectCreated:",)
_REMOVED = ("ObjectRemoved:", "LifecycleExpiration:")

Recognise = Callable[[str, int], Recognised]


class MalformedMessage(ValueError):
    """A message that no retry can make readable: it fails alone and ends in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """An object was written or removed. Events of one key are ordered by `sequencer`."""

    place: ExampleKey
    sequencer: str
    is_removal: bool
    etag: str
    size_bytes: int
    happened_at: str

    @property
    def is_config(self) -> bool:
        """About the dataset's droplearn.yaml, which is no example."""
        return self.place.path == CONFIG_FILE


class Ignored(NamedTuple):
    """A record that is none of our business; retrying would not change that."""

    key: str
    reason: str


class ParsedMessage(NamedTuple):
    """What one SQS message holds."""

    events: list[ObjectEvent]
    ignored: list[Ignored]


def parse_message(body: str) -> ParsedMessage:
    """Raises MalformedMessage."""
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return ParsedMessage([], [])
        parsed = [_parse_record(record) for record in message["Records"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedMessage(f"{type(error).__name__}: {error}") from error
    return ParsedMessage([p for p in parsed if isinstance(p, ObjectEvent)], [p for p in parsed if isinstance(p, Ignored)])


def _parse_record(record: Mapping[str, Any]) -> ObjectEvent | Ignored:
    thing, kind = record["s3"]["object"], str(record["eventName"]).removeprefix("s3:")
    key = unquote_plus(thing["key"], errors="strict")
    if not kind.startswith(_CREATED + _REMOVED):
        return Ignored(key, "other_event")
    place = parse_example_key(key)
    if place is None:
        return Ignored(key, "outside_a_dataset")
    return ObjectEvent(
        place=place,
        sequencer=pad_sequencer(thing["sequencer"]),
        is_removal=kind.startswith(_REMOVED),
        etag=str(thing.get("eTag", "")),
        size_bytes=int(thing.get("size", 0)),
        happened_at=str(record.get("eventTime", "")),
    )


def pad_sequencer(sequencer: str) -> str:
    """Zeros on the right, so that two of one key compare as strings. Raises ValueError when it is not hexadecimal."""
    digits = sequencer.upper()
    if not _SEQUENCER.fullmatch(digits):
        raise ValueError(f"sequencer {sequencer!r}")
    return digits.ljust(SEQUENCER_WIDTH, "0")


def newest_by_path(events: Iterable[ObjectEvent]) -> dict[str, ObjectEvent]:
    """Of the events of one dataset, the last of each path."""
    newest: dict[str, ObjectEvent] = {}
    for event in events:
        known = newest.get(event.place.path)
        if known is None or event.sequencer > known.sequencer:
            newest[event.place.path] = event
    return newest


def is_news(event: ObjectEvent, known: Example | None) -> bool:
    """False for a duplicate, and for an event that another one overtook."""
    return known is None or event.sequencer > known.sequencer


def judge(event: ObjectEvent, recognise: Recognise) -> Example:
    """The record that the event leaves behind."""
    if event.is_removal:
        seen = Recognised(ExampleStatus.DELETED)
    elif not is_file_path(event.place.path):
        seen = Recognised(ExampleStatus.SKIPPED, reason="bad_path")
    else:
        seen = recognise(event.place.path, event.size_bytes)
    return Example(
        path=event.place.path,
        status=seen.status,
        sequencer=event.sequencer,
        etag=event.etag,
        size_bytes=event.size_bytes,
        label=seen.label,
        reason=seen.reason,
        changed_at=event.happened_at,
    )


def judge_again(known: Example, recognise: Recognise) -> Example:
    """The same object in the eyes of another scenario."""
    if known.status is ExampleStatus.DELETED or not is_file_path(known.path):
        return known
    seen = recognise(known.path, known.size_bytes)
    return replace(known, status=seen.status, label=seen.label, reason=seen.reason)


def is_file_path(path: str) -> bool:
    """S3 allows `a//b`, `../b` and a NUL in a key; a directory that a training container reads does not."""
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/")[:-1])
