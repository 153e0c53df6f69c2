"""The quiet period: one task per drop, whatever is delivered twice, late, or lost half-way. The clock is a fake."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.ports import QuietMessage
from chalicelib.service.indexing import Message, index_messages
from chalicelib.service.quiet_period import GRACE_S, check_quiet
from droplearn.contracts.errors import TransientError
from tests.drop_events import drop_event
from tests.fakes import FakePlatform


def world(config: str = "train: {quiet_period_s: 60, max_runtime_s: 120, deploy: true}") -> FakePlatform:
    platform = FakePlatform()
    platform.dropped.objects["p/d/droplearn.yaml"] = config.encode()
    return platform


def drop(platform: FakePlatform, *names: str, at: int = 1) -> None:
    messages = [Message(name, drop_event(f"p/d/{name}", at)) for name in names]
    assert index_messages(platform, messages).failed == set()


def run_until(platform: FakePlatform, seconds: float, *, repeats: int = 1) -> None:
    """Delivers each message when it is due, `repeats` times."""
    end = platform.moment + timedelta(seconds=seconds)
    while due := sorted((d for d in platform.quiet_timer.sent if d[0] <= end), key=lambda d: d[0]):
        platform.quiet_timer.sent.remove(due[0])
        platform.moment = max(platform.moment, due[0][0])
        for _ in range(repeats):
            check_quiet(platform, due[0][1])
    platform.moment = end


def test_a_drop_starts_its_task_once_the_dataset_was_quiet_for_its_period():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg", "dog/1.jpg")
    run_until(platform, 59)
    assert platform.executions.started == []
    run_until(platform, 2)
    assert len(platform.executions.started) == 1
    (task,) = platform.tasks.known.values()
    assert (task.dataset, task.settings["max_runtime_s"], task.is_deployed_when_done) == ("d", 120, True)
    assert platform.datasets.get("p/d").config_started_task == task.id


def test_a_longer_drop_is_waited_for_with_one_message_under_way():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/0.jpg")
    for n in range(1, 10):
        run_until(platform, 30)
        drop(platform, f"cat/{n}.jpg")
        assert len(platform.quiet_timer.sent) == 1
    run_until(platform, 59)
    assert platform.executions.started == []
    run_until(platform, 60)
    assert len(platform.executions.started) == 1


def test_without_a_train_section_nothing_is_sent():
    platform = world("description: no training")
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    assert platform.quiet_timer.sent == []


def test_a_train_section_that_comes_last_counts_too_and_one_that_went_stops_the_start():
    platform = world()
    drop(platform, "cat/1.jpg")
    assert platform.quiet_timer.sent == []
    drop(platform, "droplearn.yaml")
    assert len(platform.quiet_timer.sent) == 1
    platform.dropped.objects.clear()
    drop(platform, "droplearn.yaml", at=2)
    run_until(platform, 100)
    assert platform.executions.started == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3)), min_size=1, max_size=8), st.integers(1, 3))
def test_messages_that_come_again_start_nothing_twice(steps: list[tuple[int, int]], repeats: int):
    platform = world()
    drop(platform, "droplearn.yaml", "cat/0.jpg")
    for pause, name in steps:
        run_until(platform, pause, repeats=repeats)
        drop(platform, f"cat/{name}.jpg")
    run_until(platform, 1000, repeats=repeats)
    assert 1 <= len(platform.executions.started) == len(platform.tasks.known) <= len({name for _, name in steps} | {0})
    assert platform.quiet_timer.sent == []


def test_the_same_content_dropped_again_starts_nothing_and_new_content_does():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    run_until(platform, 100)
    drop(platform, "cat/1.jpg", at=1)
    drop(platform, "cat/1.jpg", at=2)  # written again with the same bytes
    run_until(platform, 100)
    assert len(platform.executions.started) == 1
    drop(platform, "cat/2.jpg")
    run_until(platform, 100)
    assert len(platform.executions.started) == 2


def test_other_settings_for_the_same_content_start_a_task():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    run_until(platform, 100)
    platform.dropped.objects["p/d/droplearn.yaml"] = b"train: {preset: high_accuracy}"
    drop(platform, "droplearn.yaml", at=2)
    run_until(platform, 100)
    assert [task.settings["preset"] for task in platform.tasks.known.values()] == ["high_performance", "high_accuracy"]


def test_a_dataset_without_labelled_examples_starts_nothing():
    platform = world()
    drop(platform, "droplearn.yaml", "loose.jpg")
    run_until(platform, 100)
    assert platform.executions.started == []


def test_a_crash_after_sending_leaves_a_message_that_does_no_harm():
    platform = world()
    change = platform.datasets.change

    def crash(key, changes, only_if=None):
        if changes.get("quiet_token"):
            raise TransientError("aws.unavailable", "m")
        return change(key, changes, only_if)

    platform.datasets.change = crash
    messages = [Message("1", drop_event("p/d/droplearn.yaml", 1)), Message("2", drop_event("p/d/cat/1.jpg", 1))]
    assert index_messages(platform, messages).failed == {"1", "2"}
    platform.datasets.change = change
    assert index_messages(platform, messages).failed == set()
    assert len(platform.quiet_timer.sent) == 2
    run_until(platform, 200)
    assert len(platform.executions.started) == 1


def test_a_message_that_nobody_waits_for_dies_out():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    remembered = platform.datasets.get("p/d").quiet_token
    assert check_quiet(platform, QuietMessage("p", "d", "orphan")) is None
    assert platform.datasets.get("p/d").quiet_token == remembered
    assert len(platform.quiet_timer.sent) == 1


def test_a_crash_between_disarming_and_starting_is_made_good_by_the_same_message():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    platform.pass_time(61)
    _, message = platform.quiet_timer.sent.pop()
    counts = platform.examples.counts
    platform.examples.counts = lambda *_: (_ for _ in ()).throw(TransientError("aws.unavailable", "m"))
    with pytest.raises(TransientError):
        check_quiet(platform, message)
    platform.examples.counts = counts
    assert check_quiet(platform, message)
    assert len(platform.executions.started) == 1


def test_a_crash_between_starting_and_remembering_starts_no_second_task():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    platform.pass_time(61)
    _, message = platform.quiet_timer.sent.pop()
    change = platform.datasets.change

    def crash(key, changes, only_if=None):
        if "config_started_digest" in changes:
            raise TransientError("aws.unavailable", "m")
        return change(key, changes, only_if)

    platform.datasets.change = crash
    with pytest.raises(TransientError):
        check_quiet(platform, message)
    platform.datasets.change = change
    started = check_quiet(platform, message)
    assert [*platform.tasks.known] == [started]
    assert len(platform.executions.started) == 1


def test_a_lost_message_is_replaced_by_the_first_drop_after_its_grace():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    platform.quiet_timer.sent.clear()
    drop(platform, "cat/2.jpg")
    assert platform.quiet_timer.sent == []
    platform.pass_time(60 + GRACE_S)
    drop(platform, "cat/3.jpg")
    run_until(platform, 60)
    assert len(platform.executions.started) == 1


def test_a_task_that_cannot_be_started_is_told_on_the_dataset_and_not_tried_again():
    platform = world("train: {base_model: model-gone}")
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    run_until(platform, 100)
    dataset = platform.datasets.get("p/d")
    assert "model-gone" in dataset.config_start_problem["message"]
    assert dataset.config_started_task is None
    drop(platform, "cat/1.jpg", at=2)
    run_until(platform, 100)
    assert platform.tasks.known == {}


def test_a_dataset_that_is_gone_needs_no_check():
    platform = world()
    drop(platform, "droplearn.yaml", "cat/1.jpg")
    platform.datasets.known.clear()
    run_until(platform, 100)
    assert platform.executions.started == []
