"""COCO JSON and YOLO text."""

import json

import pytest

from droplearn.scenarios.annotation_formats import coco, yolo
from droplearn.scenarios.annotation_formats.annotations import Box, BrokenAnnotation


def told(**changes) -> bytes:
    whole = {
        "images": [{"id": 1, "file_name": "images/a.jpg", "width": 100, "height": 80}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"id": 7, "image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 40]},
            {"id": 8, "image_id": 1, "category_id": 4, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
    }
    return json.dumps(whole | changes).encode()


def test_coco_boxes_are_corner_and_size_and_crowds_are_difficult():
    found = coco.read(told()).find("any/images/a.jpg")
    assert found is not None
    assert [(o.name, o.box, o.is_difficult) for o in found.objects] == [("cat", Box(10, 20, 40, 60), False), ("dog", Box(0, 0, 5, 5), True)]
    assert (found.width, found.height) == (100, 80)


def test_a_listed_picture_without_annotations_shows_nothing_and_an_unlisted_one_is_not_annotated():
    file = coco.read(told())
    assert file.find("x/b.jpg") is not None
    assert file.find("x/b.jpg").objects == ()
    assert file.find("c.jpg") is None


def test_of_equal_names_the_longest_common_end_of_the_path_decides():
    images = [{"id": 1, "file_name": "train/a.jpg", "width": 1}, {"id": 2, "file_name": "val\\a.jpg", "width": 2}]
    file = coco.read(told(images=images, annotations=[]))
    assert [file.find(path).width for path in ("data/train/a.jpg", "data/val/a.jpg")] == [1, 2]


def test_ids_may_be_texts_and_masks_stand_in_for_boxes():
    annotations = [{"image_id": "1", "category_id": 3, "segmentation": [[1, 2, 9, 2, 5, 8]]}]
    (item,) = coco.read(told(annotations=annotations)).find("a.jpg").objects
    assert item.box == Box(1, 2, 9, 8)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"image_id": 1, "category_id": 99, "bbox": [1, 2, 3, 4]}, "name_missing"),
        ({"image_id": 1, "category_id": 3}, "box_missing"),
        ({"image_id": 1, "category_id": 3, "bbox": [1, 2, 0, 4]}, "box_empty"),
        ({"image_id": 1, "category_id": 3, "bbox": ["1", 2, 3, 4]}, "box_missing"),
        ({"image_id": 1, "category_id": 3, "bbox": [1, 2, float("inf"), 4]}, "box_invalid"),
    ],
)
def test_odd_coco_entries_are_left_out_with_a_code(entry, code):
    found = coco.read(told(annotations=[entry])).find("a.jpg")
    assert ([p.code for p in found.problems], found.objects) == ([code], ())


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"images": 1, "annotations": [], "categories": []}', b"[" * 100_000])
def test_other_json_is_refused(raw):
    with pytest.raises(BrokenAnnotation):
        coco.read(raw)


def test_ids_that_hold_lists_do_not_crash():
    assert coco.read(told(annotations=[{"image_id": [1], "category_id": {}}, 5])).find("a.jpg").objects == ()


def test_yolo_lines_are_parts_of_the_picture():
    found = yolo.read(b"0 0.5 0.5 0.2 0.4\n\n1 .1 .1 .2 .1 .2 .3 .1 .3\n", {0: "person"}, 100, 200)
    boxes = [tuple(round(v, 6) for v in item.box) for item in found.objects]
    assert boxes == [(40, 60, 60, 140), (10, 20, 20, 60)]
    assert [item.name for item in found.objects] == ["person", "class_1"]


def test_an_empty_yolo_file_says_that_nothing_is_there_and_a_confidence_is_not_read():
    assert yolo.read(b"", {}, 10, 10).objects == ()
    assert len(yolo.read(b"0 .5 .5 .2 .2 .97", {}, 10, 10).objects) == 1


@pytest.mark.parametrize(
    "raw", [b"a photo of a cat", b"0 .5 .5 .2", b"-1 .5 .5 .2 .2", b"0.5 .5 .5 .2 .2", b"0 nan .5 .2 .2", b"\xff\xfe\x00"]
)
def test_other_text_is_refused(raw):
    with pytest.raises(BrokenAnnotation):
        yolo.read(raw, {}, 10, 10)


@pytest.mark.parametrize(
    ("name", "raw", "names"),
    [
        ("classes.txt", b"\xef\xbb\xbfcat\r\nbig dog\r\n", {0: "cat", 1: "big dog"}),
        ("data.yaml", b"names: ['a b', \"c\", d]\nnc: 3", {0: "a b", 1: "c", 2: "d"}),
        ("data.yaml", b"nc: 2\nnames:\n  0: person\n  1: 'car, red'\nval: x", {0: "person", 1: "car, red"}),
        ("data.yaml", b"names:\n- x # first\n- y\nval: a", {0: "x", 1: "y"}),
        ("data.yaml", b"names: {0: a, 1: 'b'}", {0: "a", 1: "b"}),
        ("data.yaml", b"names: [\n 'a',\n 'b'\n]\n", {0: "a", 1: "b"}),
        ("data.yaml", b"path: !!python/object:os.system x", {}),
    ],
)
def test_class_names_come_in_many_forms(name, raw, names):
    assert yolo.read_names(name, raw) == names
