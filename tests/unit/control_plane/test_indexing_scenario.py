"""A scenario that was inferred from the first drop gives way to a declared one, and everything is judged by the one that stays."""

from __future__ import annotations

import dataclasses
from typing import cast

import pytest

from chalicelib.service.indexing import Message, index_messages
from droplearn.contracts.dataset import ExampleStatus
from droplearn.scenarios import SCENARIOS, infer_scenario, scenario_named
from droplearn.scenarios.scenario import Recognised, Scenario
from tests.drop_events import drop_event
from tests.fakes import FakePlatform

FILES = ("p/d/x/a.jpg", "p/d/x/a.box", "p/d/b.jpg", "p/d/notes.txt", "p/other/c.jpg", "p/other/c.box")


def recognise(path: str, size_bytes: int) -> Recognised:
    if path.endswith(".jpg"):
        return Recognised(ExampleStatus.UNLABELLED)
    return Recognised(ExampleStatus.ANNOTATION) if path.endswith(".box") else Recognised(ExampleStatus.SKIPPED, reason="unknown")


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> FakePlatform:
    known = scenario_named("image_classification")
    spec = known.spec.model_copy(update={"name": "boxes", "labels_from": "annotations"})
    boxes = dataclasses.replace(
        known, spec=spec, recognise=recognise, pair=lambda pictures, files: dict(zip(pictures, files, strict=False))
    )
    monkeypatch.setitem(cast(dict[str, Scenario], SCENARIOS), "boxes", boxes)
    return FakePlatform()


def drop(platform: FakePlatform, *keys: str, at: int = 1) -> None:
    messages = [Message(str(i), drop_event(key, at + i)) for i, key in enumerate(keys)]
    assert index_messages(platform, messages, pause=lambda _: None).failed == set()


def declare(platform: FakePlatform) -> None:
    platform.dropped.objects["p/d/droplearn.yaml"] = b"scenario: boxes\n"


def assert_judged_as_boxes(platform: FakePlatform) -> None:
    assert platform.projects.get("p").scenario == "boxes"
    counts, other = platform.examples.counts("p", "d"), platform.examples.counts("p", "other")
    assert (counts.labels, counts.annotations, counts.unlabelled, counts.skipped) == ({}, 1, 2, {"unknown": 1})
    assert (other.annotations, other.unlabelled, other.objects) == (1, 1, 2)


def test_what_was_indexed_before_the_declaration_is_judged_anew_in_every_dataset(platform: FakePlatform):
    drop(platform, *(key for key in FILES if key.endswith((".jpg", ".txt"))))
    drop(platform, *(key for key in FILES if key.endswith(".box")), at=50)
    assert platform.projects.get("p").scenario == "image_classification"
    assert platform.examples.counts("p", "d").skipped == {"not_an_image": 2}
    declare(platform)
    drop(platform, "p/d/droplearn.yaml", at=100)
    assert_judged_as_boxes(platform)


def test_a_batch_that_was_overtaken_by_the_declaration_judges_anew_itself(platform: FakePlatform):
    """The other batch declares between this batch's look at the project and its writing."""
    drop(platform, "p/d/x/a.jpg")
    pending = [lambda: (declare(platform), drop(platform, "p/d/droplearn.yaml", at=100))]

    def meanwhile() -> None:
        if pending:
            pending.pop()()

    platform.examples.before_write = meanwhile
    drop(platform, *FILES[1:], at=2)
    assert_judged_as_boxes(platform)


def test_annotated_pictures_are_inferred_before_labelled_folders(platform: FakePlatform):
    assert infer_scenario(["x/a.jpg", "x/a.box"]).name == "boxes"
    assert infer_scenario(["x/a.jpg", "x/b.jpg"]).name == "image_classification"
    assert infer_scenario(["cat/a.jpg", "dog/b.jpg", "notes.json"]).name == "image_classification", "a stray file is no annotation"
    assert infer_scenario(["JPEGImages/a.jpg", "Annotations/a.xml"]).name == "object_detection"
    assert infer_scenario(["churn.csv"]).name == "tabular_prediction"
