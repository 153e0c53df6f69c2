"""Names of objects, pairing, checks, and what annotations say."""

import json

import numpy as np
import pytest
from PIL import Image

from droplearn.contracts.dataset import ExampleStatus, VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios import SCENARIOS, infer_scenario
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.ocr.annotated import AnnotationReader
from droplearn.scenarios.ocr.dataset import check, pair, recognise
from droplearn.scenarios.ocr.sample import draw_page, write_sample
from tests.unit.learning.fakes import version_of


def test_pictures_wait_for_their_annotations():
    assert recognise("a.JPG", 9).status is ExampleStatus.UNLABELLED
    assert recognise("a.xml", 9).status is ExampleStatus.ANNOTATION
    assert recognise("a.json", 9).status is ExampleStatus.ANNOTATION
    assert recognise("a.txt", 9).reason == "not_an_image"
    assert recognise(".a.jpg", 9).reason == "hidden_file"


def test_a_page_is_paired_with_the_xml_of_its_name_also_in_a_folder_beside():
    assert pair(["a.jpg", "a.png", "b.jpg", "images/c.jpg"], ["a.xml", "annotations/c.xml", "b.json"]) == {
        "a.jpg": "a.xml",
        "images/c.jpg": "annotations/c.xml",
    }


def test_ocr_has_to_be_named_for_xml_beside_pictures_looks_like_detection():
    assert "ocr" in SCENARIOS
    assert infer_scenario(["a.jpg", "a.xml"]).name == "object_detection"


@pytest.mark.parametrize(("count", "code"), [(0, "dataset.empty"), (2, "dataset.too_few_examples")])
def test_too_few_pages_are_refused(count, code):
    version = version_of([]).model_copy(update={"split_counts": {"train": count} if count else {}})
    with pytest.raises(InvalidDataset) as refused:
        check(version)
    assert refused.value.code == code
    assert refused.value.hint


def test_few_pages_are_a_warning():
    assert "at least 50" in check(version_of([]).model_copy(update={"split_counts": {"train": 9}}))[0]


@pytest.fixture
def pages(tmp_path):
    """Reads a page of the folder by its stem."""
    write_sample(tmp_path, count=1)

    def read(stem="page-00"):
        files = [f"{stem}.xml", f"{stem}.json"]
        version = version_of([]).model_copy(update={"annotation_files": files})
        example = VersionExample(path=f"{stem}.jpg", split="train", etag="e", size_bytes=1, annotation={"file": f"{stem}.xml"})
        return AnnotationReader(ExampleSource(version, [example], tmp_path)).read(example)

    return read


def test_names_are_fields_where_there_are_transcripts(pages):
    page = pages()
    assert page.has_transcripts
    assert {line.field for line in page.lines} == {"company", "address", "date", "total", ""}
    assert page.values["total"] == next(line.text for line in page.lines if line.field == "total").split()[-1]
    assert all(0 <= line.place.left < line.place.right <= 1 for line in page.lines)


def test_names_are_the_text_where_there_are_none(pages, tmp_path):
    write_sample(tmp_path, count=1, form="lines")
    page = pages()
    assert not page.has_transcripts
    assert all(line.text and not line.field for line in page.lines)


def test_unreadable_marks_empty_boxes_and_broken_values_are_left_out(pages, tmp_path):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>9</ymax></bndbox>"
    objects = [("###", 50), ("ok", 50), ("no box", 1), ("", 50)]
    xml = "".join(f"<object><name>text</name><text>{text}</text>{box.format(right)}</object>" for text, right in objects)
    (tmp_path / "page-00.xml").write_text(f"<annotation>{xml}</annotation>")
    (tmp_path / "page-00.json").write_text("[1]")
    page = pages()
    assert [line.text for line in page.lines] == ["ok"]
    assert {p.code for p in page.problems} == {"box_empty", "values_broken"}
    (tmp_path / "page-00.json").write_text(json.dumps({"total": 3, "nothing": None, "blank": " "}))
    assert pages().values == {"total": "3"}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("page-00.jpg", b"\xff\xd8\xff cut", "corrupt"),
        ("page-00.jpg", b"text", "wrong_format"),
        ("page-00.xml", b"<annotation><object>", "annotation_broken"),
        ("page-00.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "annotation_forbidden"),
    ],
)
def test_what_cannot_be_used_says_why(pages, tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unusable) as told:
        pages()
    assert told.value.code == code


def test_a_deleted_file_is_missing(pages, tmp_path):
    (tmp_path / "page-00.xml").unlink()
    with pytest.raises(Unusable) as told:
        pages()
    assert told.value.code == "annotation_missing"


def test_boxes_that_were_drawn_before_exif_turned_the_picture_are_turned_with_it(pages, tmp_path):
    upright = pages().lines[0].place
    picture = Image.open(tmp_path / "page-00.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "page-00.jpg", exif=exif)
    width, height = picture.size
    xml = (tmp_path / "page-00.xml").read_text()
    for line in draw_page(np.random.default_rng([0, 0]))[1]:
        left, top, right, bottom = line.box
        stored = (top, width - right, bottom, width - left)
        for tag, old, new in zip(("xmin", "ymin", "xmax", "ymax"), line.box, stored, strict=True):
            xml = xml.replace(f"<{tag}>{old}</{tag}>", f"<{tag}!>{new}</{tag}!>", 1)
    xml = xml.replace("!>", ">").replace(f"<width>{width}</width><height>{height}", f"<width>{height}</width><height>{width}")
    (tmp_path / "page-00.xml").write_text(xml)
    found = pages().lines[0].place
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx(
        (upright.left, upright.top, upright.right, upright.bottom), abs=0.01
    )
