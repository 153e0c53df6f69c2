"""A dataset version: content-addressed, deterministic, leak-free and fair to every label."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.example import Example
from chalicelib.service.freezing import freeze
from droplearn.contracts.dataset import DatasetVersion, ExampleStatus, VersionExample
from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named
from tests.fake_drops import FakeExampleStore
from tests.fakes import FakeArtifacts

NOW = "2026-01-01T00:00:00.000Z"


def store_of(*examples: Example) -> FakeExampleStore:
    store = FakeExampleStore()
    store.examples["p", "d"] = {e.path: e for e in examples}
    return store


def labelled(path: str, etag: str, size: int = 1) -> Example:
    return Example(path, ExampleStatus.LABELLED, "0", etag, size, label=path.split("/")[0])


def frozen(store: FakeExampleStore, artifacts: FakeArtifacts | None = None, **chosen) -> tuple[DatasetVersion, list[VersionExample]]:
    artifacts = artifacts or FakeArtifacts()
    task = TaskSettings(**chosen)
    version = freeze(store, artifacts, project="p", dataset="d", settings=task, scenario="image_classification", now=NOW)
    lines = (artifacts.read(f"versions/{version.version_id}/examples.jsonl") or b"").decode().splitlines()
    return version, [VersionExample.model_validate_json(line) for line in lines]


@st.composite
def datasets(draw: st.DrawFn) -> list[Example]:
    """Up to 5 labels with up to 40 pictures, some of the same content, also across labels."""
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    contents = draw(st.sampled_from([5, 30, 100000]))
    numbers = st.integers(0, contents)
    return [labelled(f"l{i}/{n}.jpg", f"e{draw(numbers)}") for i, size in enumerate(sizes) for n in range(size)]


fractions = st.sampled_from([0.05, 0.1, 0.15, 0.3, 0.45])


@settings(max_examples=150, deadline=None)
@given(datasets(), fractions, st.sampled_from([0.0, 0.1, 0.4]), st.integers(0, 3))
def test_splits_keep_their_promises(examples: list[Example], validation: float, test: float, seed: int):
    chosen = {"validation_fraction": validation, "test_fraction": test, "seed": seed}
    version, members = frozen(store_of(*examples), **chosen)
    assert (version, members) == frozen(store_of(*reversed(examples)), **chosen)
    assert [m.path for m in members] == sorted(e.path for e in examples)

    splits_of_content = defaultdict(set)
    for member in members:
        splits_of_content[member.etag].add(member.split)
    assert all(len(splits) == 1 for splits in splits_of_content.values()), "content straddles"

    first_label = {member.etag: member.label for member in reversed(members)}
    trained = {first_label[m.etag] for m in members if m.split == "train"}
    assert trained == set(first_label.values()), "a label without training"
    assert version.split_counts == dict(sorted(Counter(m.split for m in members).items()))
    assert version.label_counts == dict(sorted(Counter(m.label for m in members).items()))
    assert version.duplicate_count == len(members) - len(splits_of_content)


@given(st.integers(1, 60), fractions, st.sampled_from([0.0, 0.1, 0.4]), st.integers(0, 5))
def test_without_duplicates_each_label_gives_its_share_within_one_example(count: int, validation: float, test: float, seed: int):
    examples = [labelled(f"{label}/{n}.jpg", f"{label}{n}") for label in ("a", "b") for n in range(count)]
    _, members = frozen(store_of(*examples), validation_fraction=validation, test_fraction=test, seed=seed)
    for label in ("a", "b"):
        splits = Counter(m.split for m in members if m.label == label)
        assert abs(splits["validation"] - validation * count) <= 1
        assert abs(splits["test"] - test * count) <= 1
        assert splits["train"] >= 1


def test_a_label_with_one_example_is_trained_on():
    _, members = frozen(store_of(labelled("a/1.jpg", "1"), *(labelled(f"b/{n}.jpg", f"b{n}") for n in range(9))), validation_fraction=0.4)
    assert [m.split for m in members if m.label == "a"] == ["train"]


def test_the_version_id_depends_on_content_and_on_what_decides_the_files_and_on_nothing_else():
    examples = [labelled(f"{label}/{n}.jpg", f"{label}{n}") for label in "abc" for n in range(9)]
    base = frozen(store_of(*examples))[0].version_id
    assert frozen(store_of(*examples), preset="high_accuracy", max_runtime_s=77)[0].version_id == base
    same = [Example(e.path, e.status, "FFFF", e.etag, e.size_bytes, e.label, changed_at="later") for e in examples]
    assert frozen(store_of(*same))[0].version_id == base
    others = [
        frozen(store_of(*examples), **chosen)[0].version_id
        for chosen in ({"seed": 1}, {"validation_fraction": 0.3}, {"test_fraction": 0.1}, {"labels": ["a", "b"]}, {"labels": ["a", "c"]})
    ]
    others += [frozen(store_of(*examples[1:]))[0].version_id, frozen(store_of(labelled("a/0.jpg", "new"), *examples[1:]))[0].version_id]
    assert len({base, *others}) == len(others) + 1


def test_writing_twice_writes_once_and_version_json_last():
    artifacts, store = FakeArtifacts(), store_of(*(labelled(f"{label}/{n}.jpg", f"{label}{n}") for label in "ab" for n in range(3)))
    version, _ = frozen(store, artifacts)
    prefix = f"versions/{version.version_id}/"
    assert [*artifacts.objects] == [prefix + "examples.jsonl", prefix + "images.manifest", prefix + "version.json"]
    del artifacts.objects[prefix + "images.manifest"]
    frozen(store, artifacts)
    assert prefix + "images.manifest" not in artifacts.objects
    assert DatasetVersion.from_json(artifacts.objects[prefix + "version.json"]) == version


def test_the_manifest_names_the_objects_in_place_as_sagemaker_reads_it():
    artifacts = FakeArtifacts()
    paths = ["a/1 +%.jpg", 'a/"2".jpg', "马/😀.png", "b/1.jpg"]
    version, _ = frozen(store_of(*(labelled(path, path) for path in paths)), artifacts)
    manifest = json.loads(artifacts.objects[f"versions/{version.version_id}/images.manifest"])
    assert manifest == [{"prefix": "s3://data/p/d/"}, *sorted(paths)]


def test_only_selected_labels_are_taken_and_the_rest_is_counted():
    examples = [labelled(f"{label}/{n}.jpg", f"{label}{n}") for label in "abc" for n in range(4)]
    others = [Example("x.jpg", ExampleStatus.UNLABELLED, "0"), Example(".DS_Store", ExampleStatus.SKIPPED, "0", reason="hidden_file")]
    version, members = frozen(store_of(*examples, *others), labels=["c", "a"])
    assert (version.labels, {m.label for m in members}) == (["a", "c"], {"a", "c"})
    assert (version.unlabelled_count, version.skipped_counts) == (1, {"hidden_file": 1, "label_not_selected": 4})


def test_an_unknown_selected_label_is_refused_with_the_known_ones():
    with pytest.raises(InvalidRequest) as caught:
        frozen(store_of(labelled("a/1.jpg", "1"), labelled("b/1.jpg", "2")), labels=["a", "zebra"])
    assert caught.value.code == "labels.unknown"
    assert "zebra" in caught.value.message
    assert "a, b" in caught.value.hint


@pytest.mark.parametrize("chosen", [{}, {"labels": ["a", "b"]}])
def test_an_emptied_dataset_is_for_the_scenario_to_refuse(chosen: dict):
    artifacts = FakeArtifacts()
    version, _ = frozen(store_of(Example("a/1.jpg", ExampleStatus.DELETED, "0")), artifacts, **chosen)
    assert artifacts.objects == {}
    with pytest.raises(InvalidDataset) as caught:
        scenario_named("image_classification").check(version)
    assert caught.value.code == "dataset.empty"


def test_equal_pictures_under_two_labels_are_counted():
    same = [labelled("a/1.jpg", "same"), labelled("b/1.jpg", "same"), labelled("a/2.jpg", "same")]
    version, members = frozen(store_of(*same, labelled("b/2.jpg", "x")))
    assert (version.duplicate_count, version.conflicting_count) == (2, 1)
    assert len({m.split for m in members if m.etag == "same"}) == 1


def test_names_that_no_file_system_holds_are_left_out_and_counted():
    examples = [
        labelled("a/1.jpg", "1"),
        labelled("a/" + "长" * 90 + ".jpg", "2"),
        labelled("a/1.jpg/inner/2.jpg", "3"),
        labelled("b/1.jpg", "4"),
    ]
    version, members = frozen(store_of(*examples))
    assert [m.path for m in members] == ["a/1.jpg/inner/2.jpg", "b/1.jpg"]
    assert version.skipped_counts == {"name_is_a_folder": 1, "name_too_long": 1}
