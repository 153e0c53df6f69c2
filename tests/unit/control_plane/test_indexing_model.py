"""Whatever the order, the repetition, the batches and the rivals: the index ends as a naive model says: of a key, the newest event wins."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.example import counts_of
from chalicelib.service.indexing import MAX_ATTEMPTS, Message, index_messages
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import Throttled, TransientError
from droplearn.scenarios import scenario_named
from tests.drop_events import drop_event
from tests.fakes import FakePlatform

PATHS = ["cat/a.jpg", "cat/b.jpg", "dog/a b+c%20.jpg", "马/😀.png", "loose.png", ".DS_Store", "cat/notes.txt"]
recognise = scenario_named("image_classification").recognise


@dataclass(frozen=True)
class Dropped:
    """One event; sequencers differ, as S3 promises for one key."""

    path: str
    sequencer: int
    is_removal: bool
    size: int

    @property
    def body(self) -> str:
        return drop_event(f"p/d/{self.path}", self.sequencer, is_removal=self.is_removal, size=self.size, etag=f"e{self.sequencer}")


@st.composite
def histories(draw: st.DrawFn) -> list[Dropped]:
    kinds = draw(st.lists(st.tuples(st.sampled_from(PATHS), st.booleans(), st.integers(0, 5)), min_size=1, max_size=25))
    return [Dropped(path, n + 1, is_removal, size) for n, (path, is_removal, size) in enumerate(kinds)]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Dropped], list[list[Dropped]]]:
    """A history, and the batches that bring it: each event once or more, in any order."""
    history = draw(histories())
    more = draw(st.lists(st.sampled_from(history), max_size=15))
    order = draw(st.permutations(history + more))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=5)))
    return history, [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True) if a < b]


def deliver(platform: FakePlatform, batch: list[Dropped]) -> set[str]:
    messages = [Message(str(i), event.body) for i, event in enumerate(batch)]
    return index_messages(platform, messages, pause=lambda _: None).failed


def assert_like_the_naive_model(platform: FakePlatform, history: list[Dropped]) -> None:
    last = {event.path: event for event in history}  # sequencers grow along the history
    labels: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    unlabelled = size = 0
    for event in (e for e in last.values() if not e.is_removal):
        seen = recognise(event.path, event.size)
        labels[seen.label] += seen.status is ExampleStatus.LABELLED
        skipped[seen.reason] += seen.status is ExampleStatus.SKIPPED
        unlabelled += seen.status is ExampleStatus.UNLABELLED
        size += event.size * (seen.status is not ExampleStatus.SKIPPED)
    counts = platform.examples.counts("p", "d")
    assert dict(counts.labels) == dict(+labels)
    assert dict(counts.skipped) == dict(+skipped)
    assert (counts.unlabelled, counts.size_bytes) == (unlabelled, size)
    there = {e.path: (e.etag, e.size_bytes) for e in platform.examples.read_all("p", "d")}
    assert there == {e.path: (f"e{e.sequencer}", e.size) for e in last.values() if not e.is_removal}


@settings(max_examples=300, deadline=None)
@given(deliveries())
def test_duplicates_and_any_order_in_any_batches_give_the_newest_state_and_exact_counts(given_: tuple[list[Dropped], list[list[Dropped]]]):
    history, batches = given_
    platform = FakePlatform()
    for batch in batches:
        assert deliver(platform, batch) == set()
    assert_like_the_naive_model(platform, history)


@settings(max_examples=300, deadline=None)
@given(deliveries(), st.data())
def test_rivals_that_write_between_a_read_and_its_write_change_nothing_in_the_end(
    given_: tuple[list[Dropped], list[list[Dropped]]], data: st.DataObject
):
    history, batches = given_
    platform, waiting = FakePlatform(), list(batches)
    failed: list[Dropped] = []

    def run(batch: list[Dropped]) -> None:
        failed.extend(batch[int(id_)] for id_ in deliver(platform, batch))

    def maybe_a_rival() -> None:
        if waiting and data.draw(st.booleans()):
            run(waiting.pop())

    platform.examples.before_write = maybe_a_rival
    while waiting:
        run(waiting.pop(0))
    platform.examples.before_write = lambda: None
    assert deliver(platform, failed) == set()
    assert_like_the_naive_model(platform, history)


def test_a_write_that_always_meets_a_rival_is_given_up_and_handed_back():
    platform, tries = FakePlatform(), []

    def rival() -> None:
        tries.append(1)
        platform.examples.examples["p", "d"] = {"cat/a.jpg": newer(len(tries))}

    def newer(n: int):
        from chalicelib.domain.example import Example
        from chalicelib.domain.indexing import pad_sequencer

        return Example("cat/a.jpg", ExampleStatus.LABELLED, pad_sequencer(f"{n:016X}"), label="cat")

    platform.examples.before_write = rival
    assert deliver(platform, [Dropped("cat/a.jpg", 1000, False, 1)]) == {"0"}
    assert len(tries) == MAX_ATTEMPTS


def test_a_table_that_throttles_is_given_time():
    platform, pauses, tries = FakePlatform(), [], []

    def throttle() -> None:
        tries.append(1)
        if len(tries) < 7:
            raise Throttled("aws.throttled", "m")

    platform.examples.before_write = throttle
    assert index_messages(platform, [Message("1", drop_event("p/d/cat/1.jpg", 1))], pause=pauses.append).failed == set()
    assert platform.examples.counts("p", "d").labels == {"cat": 1}
    assert len(pauses) == 6
    assert max(pauses) <= 5


def test_thousand_objects_go_ninety_nine_to_a_transaction():
    platform, writes = FakePlatform(), []
    platform.examples.before_write = lambda: writes.append(1)
    assert deliver(platform, [Dropped(f"cat/{n}.jpg", n + 1, False, 1) for n in range(1000)]) == set()
    assert len(writes) == 11
    assert platform.examples.counts("p", "d").labels == {"cat": 1000}


def test_what_comes_again_is_read_but_not_written():
    platform, writes = FakePlatform(), []
    batch = [Dropped("cat/a.jpg", 2, False, 1), Dropped("cat/b.jpg", 3, True, 1)]
    deliver(platform, batch)
    platform.examples.before_write = lambda: writes.append(1)
    assert deliver(platform, [*batch, Dropped("cat/a.jpg", 1, True, 1)]) == set()
    assert writes == []


def test_a_poison_message_fails_alone():
    platform = FakePlatform()
    good = [Message(str(n), drop_event(f"p/d/cat/{n}.jpg", n + 1)) for n in range(3)]
    outcome = index_messages(platform, [*good, Message("bad", "{ this is no event")])
    assert (outcome.failed, outcome.malformed, outcome.written) == (set(), {"bad"}, 3)


@pytest.mark.parametrize("error", [TransientError("aws.unavailable", "m"), ZeroDivisionError()])
def test_trouble_with_one_dataset_leaves_the_others_alone(error: Exception):
    platform = FakePlatform()
    get = platform.datasets.get

    def troubled(key: str):
        if key == "p/bad":
            raise error
        return get(key)

    platform.datasets.get = troubled
    outcome = index_messages(platform, [Message("1", drop_event("p/good/cat/1.jpg", 1)), Message("2", drop_event("p/bad/cat/1.jpg", 1))])
    assert outcome.failed == {"2"}
    assert platform.examples.counts("p", "good").labels == {"cat": 1}


def test_the_first_drop_creates_project_and_dataset_with_an_inferred_scenario():
    platform = FakePlatform()
    deliver(platform, [Dropped("cat/a.jpg", 1, False, 1)])
    project = platform.projects.get("p")
    assert (project.scenario, project.is_scenario_inferred) == ("image_classification", True)
    assert platform.datasets.get("p/d").created_at == "2026-01-01T00:00:00.000Z"


def test_a_removal_from_an_unknown_dataset_creates_nothing_but_outlives_a_late_creation():
    platform = FakePlatform()
    deliver(platform, [Dropped("cat/a.jpg", 2, True, 0)])
    assert platform.projects.known == {}
    deliver(platform, [Dropped("cat/a.jpg", 1, False, 1)])
    assert platform.examples.counts("p", "d").labels == {}


def test_the_content_number_tells_contents_apart_and_forgets_the_way_to_them():
    one, other, third = FakePlatform(), FakePlatform(), FakePlatform()
    deliver(one, [Dropped("cat/a.jpg", 1, False, 1), Dropped("cat/b.jpg", 2, False, 1)])
    deliver(other, [Dropped("cat/b.jpg", 2, False, 1)])
    deliver(other, [Dropped("dog/a.jpg", 3, False, 1)])
    deliver(other, [Dropped("cat/a.jpg", 1, False, 1), Dropped("dog/a.jpg", 4, True, 0)])
    deliver(third, [Dropped("dog/a.jpg", 1, False, 1), Dropped("cat/b.jpg", 2, False, 1)])
    numbers = [platform.examples.counts("p", "d").content for platform in (one, other, third)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert counts_of([]).content == 0
