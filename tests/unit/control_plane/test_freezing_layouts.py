"""Versions of datasets whose labels stand beside or inside the objects, not in their keys."""

from __future__ import annotations

import dataclasses
import json
from typing import cast

import pytest

from chalicelib.domain.example import Example, Replacement, counts_of
from chalicelib.service.freezing import freeze
from droplearn.contracts.dataset import DatasetVersion, ExampleStatus, VersionExample
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import SCENARIOS, scenario_named
from droplearn.scenarios.scenario import Scenario
from tests.fake_drops import FakeExampleStore
from tests.fakes import FakeArtifacts

NOW = "2026-01-01T00:00:00.000Z"


def pair(pictures, files):
    stems = {file.removesuffix(".xml"): file for file in files}
    return {p: stems[p.removesuffix(".jpg")] for p in pictures if p.removesuffix(".jpg") in stems}


@pytest.fixture
def scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    known = scenario_named("image_classification")
    for name, labels_from, pairing in (("boxes", "annotations", pair), ("sheets", "rows", None)):
        spec = known.spec.model_copy(update={"name": name, "labels_from": labels_from})
        monkeypatch.setitem(cast(dict[str, Scenario], SCENARIOS), name, dataclasses.replace(known, spec=spec, pair=pairing))


def seen(path: str, status: ExampleStatus, etag: str = "", reason: str | None = None) -> Example:
    return Example(path, status, "0", etag or path, 10, reason=reason)


def frozen(scenario: str, *examples: Example, **chosen) -> tuple[DatasetVersion, list[VersionExample], list]:
    store, artifacts = FakeExampleStore(), FakeArtifacts()
    store.examples["p", "d"] = {e.path: e for e in examples}
    version = freeze(store, artifacts, project="p", dataset="d", settings=TaskSettings(**chosen), scenario=scenario, now=NOW)
    prefix = f"versions/{version.version_id}/"
    lines = (artifacts.read(prefix + "examples.jsonl") or b"").decode().splitlines()
    return (
        version,
        [VersionExample.model_validate_json(line) for line in lines],
        json.loads(artifacts.read(prefix + "images.manifest") or b"[]"),
    )


PICTURE, ANNOTATION = ExampleStatus.UNLABELLED, ExampleStatus.ANNOTATION


def drop(count: int = 10) -> list[Example]:
    files = [seen(f"{n}.jpg", PICTURE) for n in range(count)] + [seen(f"{n}.xml", ANNOTATION) for n in range(count)]
    return [*files, seen("alone.jpg", PICTURE), seen("notes.md", ExampleStatus.SKIPPED, reason="not_an_image")]


def test_pictures_with_an_annotation_file_are_the_examples(scenarios):
    version, examples, manifest = frozen("boxes", *drop(), labels=["cup", "plate"])
    assert [(e.path, e.label, e.annotation) for e in examples] == [(f"{n}.jpg", None, {"file": f"{n}.xml"}) for n in range(10)]
    assert version.annotation_files == [f"{n}.xml" for n in range(10)]
    assert (version.labels, version.label_counts, version.selected_labels) == ([], {}, ["cup", "plate"])
    assert (version.unlabelled_count, version.skipped_counts) == (1, {"not_an_image": 1})
    assert manifest[1:] == sorted([*(f"{n}.jpg" for n in range(10)), *version.annotation_files])
    assert sum(version.split_counts.values()) == 10
    assert version.split_counts["validation"] == 2


def test_another_annotation_makes_another_version(scenarios):
    first = frozen("boxes", *drop())[0].version_id
    assert frozen("boxes", *drop())[0].version_id == first
    changed = [dataclasses.replace(e, etag="new") if e.path == "3.xml" else e for e in drop()]
    assert frozen("boxes", *changed)[0].version_id != first


def test_equal_pictures_share_a_split_though_their_annotations_differ(scenarios):
    twins = [dataclasses.replace(e, etag="same") if e.path in ("1.jpg", "2.jpg") else e for e in drop()]
    for seed in range(6):
        version, examples, _ = frozen("boxes", *twins, seed=seed)
        assert len({e.split for e in examples if e.etag == "same"}) == 1
        assert version.duplicate_count == 1


def test_tables_are_all_for_training_since_their_rows_are_split_inside(scenarios):
    files = [seen(f"{n}.csv", ExampleStatus.LABELLED) for n in range(3)]
    version, examples, manifest = frozen("sheets", *files, test_fraction=0.4, labels=["a", "b"])
    assert [e.split for e in examples] == ["train"] * 3
    assert (version.labels, version.split_counts, manifest[1:]) == ([], {"train": 3}, ["0.csv", "1.csv", "2.csv"])


def test_annotations_and_tables_are_counted_apart():
    changes = [Replacement(None, e) for e in (*drop(2), seen("t.csv", ExampleStatus.LABELLED))]
    counts = counts_of(change.tally for change in changes)
    assert (counts.annotations, counts.tables, counts.unlabelled, counts.labelled) == (2, 1, 3, 0)
    assert counts.objects == 7
    assert counts.is_trainable
