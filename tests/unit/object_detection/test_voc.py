"""Pascal VOC XML, hostile and merely odd."""

import pytest

from droplearn.scenarios.annotation_formats import voc
from droplearn.scenarios.annotation_formats.annotations import Box, BrokenAnnotation, fit_into


def xml(*objects: str, size: str = "<size><width>100</width><height>80</height><depth>3</depth></size>") -> bytes:
    return f"<annotation><folder>f</folder>{size}{''.join(objects)}</annotation>".encode()


def thing(name="cat", box=(10, 20, 50, 60), extra="") -> str:
    edges = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{extra}<bndbox>{edges}</bndbox></object>"


def test_objects_have_name_box_and_marks():
    found = voc.read(xml(thing(extra="<truncated>1</truncated><difficult>1</difficult><text>Miau &amp; co</text>")))
    assert (found.width, found.height, found.problems) == (100, 80, ())
    (item,) = found.objects
    assert (item.name, item.box, item.text) == ("cat", Box(10, 20, 50, 60), "Miau & co")
    assert (item.is_truncated, item.is_difficult) == (True, True)


def test_names_may_be_chinese_and_files_utf_16():
    assert voc.read(xml(thing("手机号"))).objects[0].name == "手机号"
    told = '<?xml version="1.0" encoding="utf-16"?><annotation>' + thing("手机号") + "</annotation>"
    assert voc.read(told.encode("utf-16")).objects[0].name == "手机号"


def test_an_annotation_without_objects_says_that_nothing_is_there():
    assert voc.read(xml()).objects == ()


def test_parts_of_an_object_are_not_objects():
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    assert [item.box for item in voc.read(xml(thing(extra=part))).objects] == [Box(10, 20, 50, 60)]


@pytest.mark.parametrize(
    "polygon",
    [
        "<polygon><x1>1</x1><y1>2</y1><x2>9</x2><y2>2</y2><x3>5</x3><y3>8</y3></polygon>",
        "<polygon><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>2</y></pt><pt><x>5</x><y>8</y></pt></polygon>",
    ],
)
def test_a_polygon_gives_the_box_around_it(polygon):
    (item,) = voc.read(xml(f"<object><name>a</name>{polygon}</object>")).objects
    assert (item.box, item.polygon) == (Box(1, 2, 9, 8), ((1, 2), (9, 2), (5, 8)))


@pytest.mark.parametrize(
    ("given", "code", "kept"),
    [
        (thing(box=(50, 60, 10, 20)), "box_swapped", 1),
        (thing(box=(10, 20, 10, 60)), "box_empty", 0),
        (thing(box=("nan", 20, 10, 60)), "box_invalid", 0),
        (thing(box=("", 20, 10, 60)), "box_invalid", 0),
        (thing(box=(1, 2, "1e300", 60)), "box_invalid", 0),
        ("<object><name>a</name></object>", "box_missing", 0),
        (thing(name=""), "name_missing", 0),
        (thing(box=(200, 20, 300, 60)), "box_outside", 0),
        (thing(box=(60, 20, 140, 60)), "box_clipped", 1),
    ],
)
def test_odd_objects_are_repaired_or_left_out_with_a_code(given, code, kept):
    found = fit_into(voc.read(xml(given)), 100, 80)
    assert [problem.code for problem in found.problems] == [code]
    assert found.problems[0].is_excluded is (kept == 0)
    assert len(found.objects) == kept


def test_a_pixel_beyond_the_edge_is_cut_without_a_word():
    found = fit_into(voc.read(xml(thing(box=(0, 0, 101, 81)))), 100, 80)
    assert (found.objects[0].box, found.problems) == (Box(0, 0, 100, 80), ())


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>", "<size><width>x</width></size>"])
def test_a_missing_size_is_not_known(size):
    found = voc.read(xml(thing(), size=size))
    assert (found.width, found.height, len(found.objects)) == (None, None, 1)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "annotation_broken"),
        (b"<annotation><object>", "annotation_broken"),
        (b"\xff\xd8\xff\xe0", "annotation_broken"),
        (b'<?xml version="1.0" encoding="gb2312"?><annotation/>', "annotation_broken"),
        (b"<project/>", "annotation_wrong_format"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>', "annotation_forbidden"),
        (b'<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><annotation/>', "annotation_forbidden"),
        (b"<annotation>" + b"<a>" * 40 + b"</a>" * 40 + b"</annotation>", "annotation_too_large"),
        (b"<annotation><object><name>" + b"x" * 30_000 + b"</name></object></annotation>", "annotation_too_large"),
        (b"<annotation>" + b"<object/>" * 5001 + b"</annotation>", "annotation_too_large"),
        (b"<annotation>" + b" " * 10 * 1024 * 1024 + b"</annotation>", "annotation_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_cannot_be_trusted_are_refused(raw, code):
    with pytest.raises(BrokenAnnotation) as error:
        voc.read(raw)
    assert error.value.code == code
