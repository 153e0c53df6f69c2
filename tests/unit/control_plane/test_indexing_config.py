"""droplearn.yaml: taken over, or refused with words on the dataset; never a reason to fail a batch."""

from __future__ import annotations

from typing import cast

import pytest

from chalicelib.domain.project import Project
from chalicelib.domain.task import Task
from chalicelib.service.indexing import Message, index_messages
from droplearn.scenarios import SCENARIOS
from tests.drop_events import drop_event
from tests.fakes import FakePlatform

FILE = "p/d/droplearn.yaml"


def drop(platform: FakePlatform, *keys: str, at: int = 1) -> None:
    messages = [Message(str(i), drop_event(key, at + i)) for i, key in enumerate(keys)]
    assert index_messages(platform, messages).failed == set()


def drop_config(platform: FakePlatform, text: str | bytes, at: int = 1, *, also: tuple[str, ...] = ()):
    platform.dropped.objects[FILE] = text if isinstance(text, bytes) else text.encode()
    drop(platform, FILE, *also, at=at)
    return platform.datasets.get("p/d")


def test_a_config_is_applied_and_is_no_example():
    platform = FakePlatform()
    dataset = drop_config(
        platform, "scenario: image_classification\ndescription: Animals\ntrain:\n  max_runtime_s: 120\n", also=("p/d/cat/a.jpg",)
    )
    assert dataset.config == {"scenario": "image_classification", "description": "Animals", "train": {"max_runtime_s": 120}}
    assert (dataset.config_problem, dataset.description) == (None, "Animals")
    assert platform.projects.get("p").is_scenario_inferred is False
    assert [e.path for e in platform.examples.read_all("p", "d")] == ["cat/a.jpg"]


def test_train_with_nothing_below_it_means_every_default():
    assert drop_config(FakePlatform(), "train:\n").config == {"train": {}}


def test_an_empty_file_says_nothing():
    dataset = drop_config(FakePlatform(), b"")
    assert (dataset.config, dataset.config_problem) == ({}, None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("train: {max_runtime_s: soon}", "train.max_runtime_s"),
        ("trian: {}", "trian"),
        ("scenario: poetry", "poetry"),
        ("a: [1", "Line"),
        ("- a list", "DatasetConfig"),
        (b"\xff\xfe\x00bad", "cannot be read"),
        ("x: " + "y" * 70_000, "64 KB"),
        ("[" * 60_000, "levels"),
        ("- " * 30_000, "levels"),
        ("? " * 30_000, "levels"),
        ("1:" * 30_000 + "1", ""),
        ("1" * 60_000, ""),
        ("a: &a [x, x]\nb: [*a, *a]", "aliases"),
        ("!!python/object/apply:os.system ['true']", "Line"),
        ("train: {labels: [yes, no]}", "train.labels"),
        ("scenario: image_classification\ntrain: {labels: [only]}", "at least 2 labels"),
        ("train: {labels: [same, same]}", "train"),
        ("train: {quiet_period_s: 1}", "quiet_period_s"),
        ("train: {expected_accuracy: .nan}", "expected_accuracy"),
    ],
)
def test_a_bad_file_is_told_on_the_dataset_and_the_rest_of_the_batch_goes_on(text: str | bytes, word: str):
    platform = FakePlatform()
    dataset = drop_config(platform, text, also=("p/d/cat/a.jpg",))
    assert dataset.config is None
    assert word in dataset.config_problem["message"]
    assert dataset.config_problem["hint"]
    assert platform.examples.counts("p", "d").labels == {"cat": 1}


def test_a_corrected_file_clears_the_problem_and_a_removed_one_the_config():
    platform = FakePlatform()
    drop_config(platform, "oops: 1", at=1)
    assert drop_config(platform, "train: {}", at=2).config_problem is None
    del platform.dropped.objects[FILE]
    index_messages(platform, [Message("x", drop_event(FILE, 3, is_removal=True))])
    dataset = platform.datasets.get("p/d")
    assert (dataset.config, dataset.config_problem) == (None, None)


def test_an_older_or_repeated_event_of_the_file_does_not_read_it_again():
    platform = FakePlatform()
    drop_config(platform, "description: new", at=5)
    assert drop_config(platform, "description: unseen", at=4).config == {"description": "new"}
    assert drop_config(platform, "description: unseen", at=5).config == {"description": "new"}


def test_a_newer_event_that_was_handled_meanwhile_is_not_undone():
    platform = FakePlatform()
    drop(platform, "p/d/cat/a.jpg")
    reads = []

    def rival_reads(project: str, dataset: str) -> bytes:
        if not reads:
            reads.append(1)
            platform.datasets.change("p/d", {"config": {"description": "newest"}, "config_sequencer": "F" * 32})
        return b"description: stale"

    platform.dropped.read_config = rival_reads
    drop(platform, FILE, at=9)
    assert platform.datasets.get("p/d").config == {"description": "newest"}


@pytest.fixture(autouse=True)
def second_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(dict, SCENARIOS), "ancient_classification", SCENARIOS["image_classification"])


def other_scenario(platform: FakePlatform, *, is_inferred: bool, has_task: bool = False) -> None:
    platform.projects.add(Project("p", "ancient_classification", "now", is_scenario_inferred=is_inferred))
    if has_task:
        platform.tasks.add(Task("task-1", "p", "d", "x", {}, "SUCCEEDED", "now", "now"))


def test_a_declared_scenario_replaces_an_inferred_one_while_there_is_no_task():
    platform = FakePlatform()
    other_scenario(platform, is_inferred=True)
    assert drop_config(platform, "scenario: image_classification").config_problem is None
    project = platform.projects.get("p")
    assert (project.scenario, project.is_scenario_inferred) == ("image_classification", False)


@pytest.mark.parametrize(("is_inferred", "has_task", "word"), [(False, False, "declared"), (True, True, "tasks")])
def test_a_conflicting_scenario_is_a_problem_of_the_file(is_inferred: bool, has_task: bool, word: str):
    platform = FakePlatform()
    other_scenario(platform, is_inferred=is_inferred, has_task=has_task)
    dataset = drop_config(platform, "scenario: image_classification\ntrain: {}")
    assert dataset.config is None
    assert word in dataset.config_problem["message"]
    assert platform.projects.get("p").scenario == "ancient_classification"
