"""A picture and its annotation, together: sizes that disagree, turned pictures, broken files."""

import io

import numpy as np
import pytest
from PIL import Image

from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.scenarios.annotation_formats.alignment import Unusable, align
from droplearn.scenarios.annotation_formats.annotations import AnnotatedObject, Annotation, Box
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.object_detection.reading import AnnotationReader
from tests.unit.object_detection.test_layouts import version


def picture(width=100, height=80, orientation=None, at=(10, 20, 50, 60)) -> bytes:
    """Grey with a red box on it, as stored."""
    made = Image.new("RGB", (width, height), (120, 120, 120))
    made.paste((250, 10, 10), at)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    out = io.BytesIO()
    made.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def voc_of(width, height, box=(10, 20, 50, 60)) -> bytes:
    edges = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    return f"<annotation>{size}<object><name>a</name><bndbox>{edges}</bndbox></object></annotation>".encode()


def reader(folder, **files) -> AnnotationReader:
    names = {name.replace("_DOT_", "."): raw for name, raw in files.items()}
    for name, raw in names.items():
        (folder / name).write_bytes(raw)
    told: DatasetVersion = version(1).model_copy(update={"annotation_files": sorted(n for n in names if not n.endswith(".jpg"))})
    return AnnotationReader(ExampleSource(told, [], folder))


def example(file: str) -> VersionExample:
    return VersionExample(path="a.jpg", split="train", etag="e", size_bytes=1, annotation={"file": file})


@pytest.mark.parametrize("orientation", [6, 8, 5, 7])
def test_boxes_drawn_on_the_stored_picture_are_turned_as_exif_turns_it(tmp_path, orientation):
    found = reader(tmp_path, a_DOT_jpg=picture(orientation=orientation), a_DOT_xml=voc_of(100, 80)).read(example("a.xml"), 200)
    assert found.picture.pixels.shape[:2] == (100, 80)
    (item,) = found.annotation.objects
    left, top, right, bottom = (round(v) for v in item.box)
    inside = found.picture.pixels[top + 3 : bottom - 3, left + 3 : right - 3].reshape(-1, 3).astype(int)
    assert np.abs(inside - (250, 10, 10)).max() < 60, "the box is on the red"
    assert (right - left, bottom - top) == (40, 40)
    assert [p.code for p in found.annotation.problems] == ["size_rotated"]


def test_boxes_drawn_on_the_picture_as_shown_are_kept(tmp_path):
    found = reader(tmp_path, a_DOT_jpg=picture(orientation=6), a_DOT_xml=voc_of(80, 100, (20, 10, 60, 50))).read(example("a.xml"), 200)
    assert found.annotation.objects[0].box == Box(20, 10, 60, 50)
    assert found.annotation.problems == ()


def test_boxes_drawn_on_a_scaled_picture_are_scaled(tmp_path):
    found = reader(tmp_path, a_DOT_jpg=picture(), a_DOT_xml=voc_of(200, 160, (20, 40, 100, 120))).read(example("a.xml"), 200)
    assert found.annotation.objects[0].box == Box(10, 20, 50, 60)
    assert [p.code for p in found.annotation.problems] == ["size_scaled"]


def annotation(width, height, *box) -> Annotation:
    return Annotation((AnnotatedObject("a", Box(*box)),), width, height)


def test_swapped_sides_are_noticed_and_the_boxes_kept():
    found = align(annotation(80, 100, 10, 20, 95, 60), 100, 80, 1)
    assert ([p.code for p in found.problems], found.objects[0].box) == (["size_swapped"], Box(10, 20, 95, 60))


def test_a_size_that_cannot_be_explained_is_noted_or_refused():
    assert [p.code for p in align(annotation(640, 640, 10, 20, 50, 60), 100, 80, 1).problems] == ["size_mismatch"]
    with pytest.raises(Unusable, match="640 x 640") as error:
        align(annotation(640, 640, 10, 20, 500, 60), 100, 80, 1)
    assert error.value.code == "size_mismatch"


@pytest.mark.parametrize(
    ("files", "file", "code"),
    [
        ({"a_DOT_jpg": picture()[:500], "a_DOT_xml": voc_of(100, 80)}, "a.xml", "corrupt"),
        ({"a_DOT_jpg": b"GIF89a", "a_DOT_xml": voc_of(100, 80)}, "a.xml", "wrong_format"),
        ({"a_DOT_jpg": picture(40, 30), "a_DOT_xml": voc_of(40, 30)}, "a.xml", "too_small"),
        ({"a_DOT_xml": voc_of(100, 80)}, "a.xml", "missing"),
        ({"a_DOT_jpg": picture()}, "a.xml", "annotation_missing"),
        ({"a_DOT_jpg": picture(), "a_DOT_xml": b"<annotation"}, "a.xml", "annotation_broken"),
        ({"a_DOT_jpg": picture(), "all_DOT_json": b'{"images":[],"annotations":[],"categories":[]}'}, "all.json", "not_annotated"),
        ({"a_DOT_jpg": picture(), "a_DOT_txt": b"hello world"}, "a.txt", "annotation_wrong_format"),
    ],
)
def test_what_cannot_be_read_has_a_code(tmp_path, files, file, code):
    with pytest.raises(Unusable) as error:
        reader(tmp_path, **files).read(example(file), 200)
    assert error.value.code == code


def test_yolo_names_come_from_the_nearest_file(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "classes.txt").write_text("near\n")
    found = reader(tmp_path, a_DOT_jpg=picture(), classes_DOT_txt=b"far\n")
    found.source.version.annotation_files.append("one/classes.txt")
    (tmp_path / "one" / "a.txt").write_text("0 .5 .5 .4 .4")
    (tmp_path / "a.txt").write_text("0 .5 .5 .4 .4")
    assert found.read(example("one/a.txt"), 200).annotation.objects[0].name == "near"
    assert found.read(example("a.txt"), 200).annotation.objects[0].name == "far"


def test_specks_are_left_out(tmp_path):
    found = reader(tmp_path, a_DOT_jpg=picture(), a_DOT_xml=voc_of(100, 80, (10, 20, 11, 60))).read(example("a.xml"), 200)
    assert (found.annotation.objects, [p.code for p in found.annotation.problems]) == ((), ["box_too_small"])


def test_a_broken_coco_file_is_read_once_for_all_its_pictures(tmp_path, monkeypatch):
    made = reader(tmp_path, a_DOT_jpg=picture(), all_DOT_json=b"{")
    with pytest.raises(Unusable):
        made.read(example("all.json"), 200)
    monkeypatch.setattr("droplearn.scenarios.annotation_formats.coco.read", None)
    with pytest.raises(Unusable) as error:
        made.read(example("all.json"), 200)
    assert error.value.code == "annotation_broken"
