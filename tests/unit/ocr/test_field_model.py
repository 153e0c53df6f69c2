"""The field model on drawn receipts: learnt from their annotated lines, saved, opened again."""

from dataclasses import replace

import numpy as np
import pytest

from droplearn.scenarios.ocr.annotated import AnnotatedLine
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.fields.extractor import load_extractor
from droplearn.scenarios.ocr.fields.layout import TextLine, lay_out
from droplearn.scenarios.ocr.records import PageRecord, read_layout
from droplearn.scenarios.ocr.training.field_fitting import cross_validate_fields, field_pages, find_fields, fit_fields
from tests.unit.ocr.conftest import drawn


def record(seed: int) -> PageRecord:
    page = drawn(seed)
    lines = page.text_lines
    fields = [line.field if line.field != "text" else "" for line in page.lines]
    annotated = tuple(AnnotatedLine(place, field) for place, field in zip(lines, fields, strict=True))
    noisy = [t.text if field else t.text.replace("0", "O") for t, field in zip(lines, fields, strict=True)]
    read = tuple(TextLine(text, t.left, t.top, t.right, t.bottom) for text, t in zip(noisy, lines, strict=True))
    return PageRecord(f"{seed}.jpg", f"e{seed}", "train", annotated, page.values, read, tuple(t.text for t in lines))


@pytest.fixture(scope="module")
def learnt():
    records = [record(seed) for seed in range(12)]
    return records, field_pages(records, find_fields(records, None), Conventions())


def fitted(learnt):
    return fit_fields(learnt[1], 3.0, lambda: None)


def test_fields_and_their_kinds_are_found(learnt):
    assert [(f.name, f.kind) for f in learnt[1].fields] == [("address", "text"), ("company", "text"), ("date", "date"), ("total", "amount")]
    assert [f.name for f in find_fields(learnt[0], ["total", "unknown"])] == ["total"]


def test_fields_that_only_values_name_are_learnt_where_they_stand_on_the_pages(learnt):
    bare = [replace(r, annotated=tuple(replace(line, field="") for line in r.annotated)) for r in learnt[0]]
    noted = [replace(r, values=r.values | {"imagePath": f"folder/{r.path}", "version": "5.4.1"}) for r in bare]
    assert [f.name for f in find_fields(noted, None)] == ["address", "company", "date", "total"]
    page = drawn(78)
    found = fit_fields(field_pages(noted, find_fields(noted, None), Conventions()), 3.0, lambda: None).extract(lay_out(page.text_lines))
    assert {name: value.text for name, value in found.values.items()} == page.values


def test_a_new_page_gives_its_values(learnt):
    page = drawn(77)
    found = fitted(learnt).extract(lay_out(page.text_lines))
    assert {name: value.text for name, value in found.values.items()} == page.values
    assert found.tags[0] == "company"


def test_an_empty_page_gives_none(learnt):
    assert fitted(learnt).extract(lay_out([])).values == {}


def test_cross_validation_scores_pages_that_were_held_out(learnt):
    records, data = learnt
    found = cross_validate_fields(data, 3.0, 0, lambda: None)
    assert found.macro_f1 > 0.7
    assert len(found.pages) == len(records)
    assert all(0 <= f.threshold <= 1 for f in found.fields)


def test_a_saved_model_gives_the_same_values_and_holds_no_pickle(learnt, tmp_path):
    model = fitted(learnt)
    for name, content in model.to_files().items():
        (tmp_path / name).write_bytes(content)
    with np.load(tmp_path / "fields.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype == np.float32 for name in arrays.files)
    layout = read_layout(record(50), Conventions())
    before, after = model.extract(layout), load_extractor(tmp_path).extract(layout)
    assert after.tags == before.tags
    assert {n: v.text for n, v in after.values.items()} == {n: v.text for n, v in before.values.items()}
    assert load_extractor(tmp_path / "nowhere") is None


def test_fitting_gives_the_same_files_again(learnt):
    assert fitted(learnt).to_files() == fitted(learnt).to_files()


def test_a_stop_ends_the_fitting(learnt):
    def stop():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        fit_fields(learnt[1], 3.0, stop)
