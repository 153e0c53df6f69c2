"""Which object is a picture, which an annotation, and which belong together: by their names alone."""

import pytest

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios import SCENARIOS
from droplearn.scenarios.object_detection.dataset import check, pair, recognise

PICTURE, ANNOTATION, SKIPPED = ExampleStatus.UNLABELLED, ExampleStatus.ANNOTATION, ExampleStatus.SKIPPED


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("a.jpg", 9, PICTURE),
        ("deep/er/A.JPEG", 9, PICTURE),
        ("c.png", 9, PICTURE),
        ("a.xml", 9, ANNOTATION),
        ("annotations/instances.json", 9, ANNOTATION),
        ("labels/a.txt", 0, ANNOTATION),
        ("data.yaml", 9, ANNOTATION),
        ("a.jpg", 0, SKIPPED),
        ("a.gif", 9, SKIPPED),
        (".hidden/a.xml", 9, SKIPPED),
        ("__MACOSX/a.jpg", 9, SKIPPED),
        ("a/", 0, SKIPPED),
        ("a.xml", 10**9, SKIPPED),
    ],
)
def test_an_object_is_recognised_by_its_key(path, size, status):
    assert recognise(path, size).status is status


@pytest.mark.parametrize(
    ("pictures", "files", "pairs"),
    [
        (["a.jpg", "c.png"], ["a.xml"], {"a.jpg": "a.xml"}),
        (["JPEGImages/a.jpg"], ["Annotations/a.xml"], {"JPEGImages/a.jpg": "Annotations/a.xml"}),
        (["images/train/a.jpg"], ["labels/train/a.txt"], {"images/train/a.jpg": "labels/train/a.txt"}),
        (["train/images/a.b.jpg"], ["train/labels/a.b.txt"], {"train/images/a.b.jpg": "train/labels/a.b.txt"}),
        (["a.jpg"], ["labels/a.txt", "classes.txt"], {"a.jpg": "labels/a.txt"}),
        (["a.jpg"], ["a.txt", "a.xml"], {"a.jpg": "a.xml"}),
        (["train/a.jpg"], ["val/a.xml"], {}),
        (["a.jpg", "a.png"], ["a.xml"], {"a.jpg": "a.xml"}),
        (["classes.jpg"], ["classes.txt"], {}),
        (["images/a.jpg"], ["annotations/all.json"], {"images/a.jpg": "annotations/all.json"}),
        (["a.jpg", "b.jpg"], ["a.xml", "all.json"], {"a.jpg": "a.xml", "b.jpg": "all.json"}),
        (["a.jpg"], ["a.json"], {}),
        (["x/a.jpg"], ["y/all.json"], {}),
        (
            ["train/a.jpg", "valid/b.jpg"],
            ["train/_annotations.coco.json", "valid/_annotations.coco.json"],
            {"train/a.jpg": "train/_annotations.coco.json", "valid/b.jpg": "valid/_annotations.coco.json"},
        ),
        (
            ["train2017/a.jpg", "val2017/b.jpg"],
            ["annotations/instances_train2017.json", "annotations/instances_val2017.json"],
            {"train2017/a.jpg": "annotations/instances_train2017.json", "val2017/b.jpg": "annotations/instances_val2017.json"},
        ),
    ],
)
def test_pictures_and_annotations_are_paired_by_name(pictures, files, pairs):
    assert pair(pictures, files) == pairs


def test_many_pictures_and_many_files_are_paired_in_no_time():
    pictures = [f"images/{n}.jpg" for n in range(20_000)]
    files = [f"images/{n}.jpg.json" for n in range(20_000)] + [f"labels/{n}.txt" for n in range(0, 20_000, 2)]
    assert len(pair(pictures, files)) == 10_000


def version(count: int) -> DatasetVersion:
    return DatasetVersion(
        version_id="v",
        project="p",
        dataset="d",
        scenario="object_detection",
        source_uri="s3://data/p/d/",
        created_at="2026-01-01T00:00:00Z",
        labels=[],
        label_counts={},
        split_counts={"train": count} if count else {},
    )


@pytest.mark.parametrize(("count", "code"), [(0, "dataset.empty"), (4, "dataset.too_few_examples")])
def test_too_few_annotated_pictures_are_refused_with_a_hint(count, code):
    with pytest.raises(InvalidDataset) as error:
        check(version(count))
    assert error.value.code == code
    assert error.value.hint


def test_few_pictures_are_warned_of_and_enough_are_not():
    assert check(version(20))
    assert check(version(60)) == []


def test_the_registry_knows_the_scenario():
    assert SCENARIOS["object_detection"].pair is pair
