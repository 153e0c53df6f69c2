"""Index a batch of drop messages: create what is new, take over droplearn.yaml, write examples and counters together, arm the quiet period.

Idempotent and independent of order: each example keeps the sequencer of the event that made it, an older event changes nothing, and the
counters change in the same transaction as the examples that they count. Each message fails on its own.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from chalicelib.domain.dataset import Dataset, datasets_of
from chalicelib.domain.example import Replacement, total
from chalicelib.domain.indexing import (
    Ignored,
    MalformedMessage,
    ObjectEvent,
    Recognise,
    is_news,
    judge,
    judge_again,
    newest_by_path,
    parse_message,
)
from chalicelib.domain.project import Project
from chalicelib.domain.records import R
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform, Records, WriteConflict
from chalicelib.service.dataset_config import take_over, train_section
from chalicelib.service.finding import listed
from chalicelib.service.quiet_period import arm
from droplearn.contracts.errors import DropLearnError, Throttled
from droplearn.scenarios import SCENARIOS, infer_scenario, scenario_named

CHUNK = 99
"""Examples per transaction; the 100th action is the counter. Source: Amazon DynamoDB API Reference, TransactWriteItems."""
MAX_ATTEMPTS = 8
"""To write one chunk. A conflict means that another batch wrote, so that the whole moves on."""
_CONFLICT_PAUSE_S, _THROTTLE_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.2, 5.0
"""Upper bounds of the first pause (each further one: twice as long) and of any pause; all of them together fit into the Lambda's time."""

log = logging.getLogger(__name__)
T = TypeVar("T")


class Message(NamedTuple):
    """One SQS message."""

    id: str
    body: str


@dataclass
class Outcome:
    """What came of a batch: ids of messages to be delivered again, ids of those that no delivery can mend, and what was passed over."""

    failed: set[str] = field(default_factory=set)
    malformed: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    """Dropped into projects that are being deleted: once that is over they make new ones."""
    ignored: list[Ignored] = field(default_factory=list)
    written: int = 0


class ProjectBeingDeleted(Exception):
    """What was dropped before is deleted with it; what is dropped now would be by half, and waits. Never leaves index_messages."""

    def __init__(self, since: str) -> None:
        super().__init__(since)
        self.since = since


class Place(NamedTuple):
    """A dataset."""

    project: str
    dataset: str


def index_messages(platform: Platform, messages: Iterable[Message], pause: Callable[[float], None] = time.sleep) -> Outcome:
    """Never raises for a message's or a dataset's trouble: the outcome names the messages."""
    outcome = Outcome()
    for place, (events, ids) in _by_dataset(messages, outcome).items():
        try:
            outcome.written += index_dataset(platform, place, events, pause)
        except ProjectBeingDeleted as error:
            outcome.later.update(id_ for id_, at in ids.items() if not at or at >= error.since)
        except DropLearnError as error:
            log.warning("not indexed, will be tried again: %s %s", place, error)
            outcome.failed.update(ids)
        except Exception:
            log.exception("not indexed: %s", place)  # one dataset's trouble is not another's; after some tries the dead-letter queue has it
            outcome.failed.update(ids)
    return outcome


def _by_dataset(messages: Iterable[Message], outcome: Outcome) -> dict[Place, tuple[list[ObjectEvent], dict[str, str]]]:
    """The events, and the ids of their messages with the time of the latest."""
    found: dict[Place, tuple[list[ObjectEvent], dict[str, str]]] = {}
    for message in messages:
        try:
            parsed = parse_message(message.body)
        except MalformedMessage as error:
            log.warning("malformed message %s: %s", message.id, error)
            outcome.malformed.add(message.id)
            continue
        outcome.ignored += parsed.ignored
        for event in parsed.events:
            events, ids = found.setdefault(Place(event.place.project, event.place.dataset), ([], {}))
            events.append(event)
            ids[message.id] = max(ids.get(message.id, ""), event.happened_at)
    return found


def index_dataset(platform: Platform, place: Place, events: list[ObjectEvent], pause: Callable[[float], None]) -> int:
    """Returns the number of examples that changed. Raises TransientError, InternalError."""
    newest = newest_by_path(events)
    config_event = next((event for event in newest.values() if event.is_config), None)
    dropped = [event for event in newest.values() if not event.is_config]
    known = _ensure(platform, place, events)
    judged_as = known[0].scenario if known else None
    if known and config_event:
        known = take_over(platform, *known, config_event.sequencer)
    recognise = scenario_named(known[0].scenario).recognise if known else _nothing
    written = 0
    for chunk in _chunks(dropped, CHUNK):
        written += _persistently(place, partial(_compare_and_write, platform, place, chunk, recognise), pause)
    if known:
        _follow_scenario(platform, place, known[0], judged_as, pause)
    if known and train_section(known[1]):
        arm(platform, known[1].key)
    return written


def _follow_scenario(platform: Platform, place: Place, project: Project, judged_as: str | None, pause: Callable[[float], None]) -> None:
    """An inferred scenario that gives way, to this batch's droplearn.yaml or to that of another batch meanwhile, judges all anew.

    Whoever changes the project does so before it reads the examples, and whoever writes examples looks at the project afterwards: one of
    the two sees the other.
    """
    if judged_as == project.scenario and project.is_scenario_inferred:
        project = platform.projects.get(project.name) or project
    if judged_as == project.scenario:
        return
    recognise = scenario_named(project.scenario).recognise
    known = (dataset.name for dataset in listed(platform.datasets, datasets_of(project.name)))
    for name in sorted({place.dataset, *known}):  # a listing may not know yet what was created an instant ago
        _judge_anew(platform, Place(project.name, name), recognise, pause)


def _judge_anew(platform: Platform, place: Place, recognise: Recognise, pause: Callable[[float], None]) -> None:
    """Only what another scenario sees differently is written. An example that changes meanwhile is judged by whoever changes it."""
    differing = [e.path for e in platform.examples.read_all(*place) if judge_again(e, recognise) != e]
    for paths in _chunks(differing, CHUNK):
        _persistently(place, partial(_compare_and_judge, platform, place, paths, recognise), pause)


def _compare_and_judge(platform: Platform, place: Place, paths: list[str], recognise: Recognise) -> int:
    known = platform.examples.read(*place, paths).values()
    changes = [Replacement(e, judge_again(e, recognise)) for e in known if judge_again(e, recognise) != e]
    if changes:
        platform.examples.write(*place, changes, total(change.tally for change in changes), platform.now())
    return len(changes)


def _nothing(path: str, size_bytes: int) -> Any:
    """Only removals come without a project, and no scenario judges them."""
    raise AssertionError(f"{path} ({size_bytes} bytes) has no scenario")


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _ensure(platform: Platform, place: Place, events: list[ObjectEvent]) -> tuple[Project, Dataset] | None:
    """None: only removals, of a dataset that nobody knows; their tombstones are kept, but nothing is created for them.

    Raises ProjectBeingDeleted.
    """
    project, dataset = platform.projects.get(place.project), platform.datasets.get(f"{place.project}/{place.dataset}")
    if project and project.deleting_since:
        raise ProjectBeingDeleted(project.deleting_since)
    if project and dataset:
        return project, dataset
    created = [event for event in events if not event.is_removal]
    if not created:
        return None
    at = text_of(platform.now())
    project = project or _add_project(platform, place.project, created, at)
    dataset = dataset or _added(platform.datasets, Dataset(project=place.project, name=place.dataset, created_at=at))
    return project, dataset


def _add_project(platform: Platform, name: str, created: list[ObjectEvent], at: str) -> Project:
    scenario = infer_scenario(event.place.path for event in created if not event.is_config) or next(iter(SCENARIOS.values()))
    return _added(platform.projects, Project(name=name, scenario=scenario.name, created_at=at, is_scenario_inferred=True))


def _added(records: Records[R], record: R) -> R:
    """The record, or the one that somebody else added first."""
    return record if records.add(record) else records.get(record.key) or record


def _persistently(place: Place, write: Callable[[], int], pause: Callable[[float], None]) -> int:
    """Again from the start when somebody else wrote in between, or when the table wants less at a time."""
    for attempt in range(MAX_ATTEMPTS):
        try:
            return write()
        except WriteConflict:
            pause(random.uniform(0, _CONFLICT_PAUSE_S * 2**attempt))  # noqa: S311 jitter, no secret
        except Throttled:
            pause(random.uniform(0, min(_THROTTLE_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)))  # noqa: S311
    raise Throttled("indexing.contended", f"Dataset {'/'.join(place)} is written by too many at once.", hint="It is tried again.")


def _compare_and_write(platform: Platform, place: Place, events: list[ObjectEvent], recognise: Recognise) -> int:
    """All or nothing. Raises WriteConflict when one of the examples is not what it was when it was read."""
    known = platform.examples.read(*place, [event.place.path for event in events])
    news = [event for event in events if is_news(event, known.get(event.place.path))]
    if not news:
        return 0
    changes = [Replacement(known.get(event.place.path), judge(event, recognise)) for event in news]
    platform.examples.write(*place, changes, total(change.tally for change in changes), platform.now())
    return len(changes)
