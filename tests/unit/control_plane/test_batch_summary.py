"""Answers -> rows -> one summary, in one call or in many."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.parquet
import pytest

from chalicelib.domain import batch_rows
from chalicelib.domain.batch_rows import Sums, metrics_of, rows_of
from chalicelib.domain.summary_tables import csv_of, parquet_of, safe_cell
from chalicelib.service import batch_summary
from chalicelib.service.batch_results import result_links, result_page
from chalicelib.service.batch_summary import summarise
from droplearn.contracts.batch import BatchInput
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.contracts.s3_layout import result_key
from tests.fakes import FakePlatform
from tests.unit.control_plane.test_batch_jobs import PREFIX, planned
from tests.unit.control_plane.things import DATASET, PROJECT, a_platform

GIVEN = BatchInput(key="zoo/a.jpg", size_bytes=1, label="cat")


def answer(*entries: dict[str, Any], kind: str = "cv_common") -> dict[str, Any]:
    return {"success": True, "result": {"output": [{"type": kind, "body": list(entries)}], "meta": {}}}


def ranked(label: str) -> dict[str, Any]:
    return answer({"label": label, "conf": 0.9}, {"label": "other", "conf": 0.1})


def test_of_a_ranking_the_best_is_a_row_and_of_boxes_and_table_rows_each():
    assert [row.label for row in rows_of(GIVEN, ranked("cat"))] == ["cat"]
    boxes = answer({"label": "cat", "conf": 0.9, "pos": []}, {"label": "dog", "conf": 0.8, "pos": []})
    assert [(row.item, row.label) for row in rows_of(GIVEN, boxes)] == [(0, "cat"), (1, "dog")]
    numbers = answer({"value": 1.5}, {"value": 2.5}, kind="table_common")
    assert [row.label for row in rows_of(GIVEN, numbers)] == [1.5, 2.5]
    classes = answer({"label": "a", "conf": 0.6}, {"label": "b", "conf": 0.7}, kind="table_common")
    assert [row.label for row in rows_of(GIVEN, classes)] == ["a", "b"]
    assert [(row.label, row.error) for row in rows_of(GIVEN, answer())] == [(None, None)], "nothing found is no failure"


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (None, "no_answer"),
        ({"success": False, "errorCode": "1002", "errorMsg": "IMAGE_DECODE_ERROR"}, "1002 IMAGE_DECODE_ERROR"),
        ({}, "unreadable_answer"),
        ([], "unreadable_answer"),
        ({"success": True, "result": {"output": [{"type": "x", "body": [3]}]}}, "unreadable_answer"),
    ],
)
def test_whatever_stands_in_a_result_is_one_row(told: Any, error: str):
    assert [row.error for row in rows_of(GIVEN, told)] == [error]


def test_metrics_are_those_of_an_evaluation_and_sums_survive_a_later_lambda():
    sums = Sums()
    for true, given in (("cat", "cat"), ("cat", "dog"), ("dog", "dog"), ("bird", "dog")):
        sums.add(rows_of(GIVEN.model_copy(update={"label": true}), ranked(given)), frozenset({"cat", "dog"}))
    later = Sums(json.loads(json.dumps(sums.to_dict())))
    assert later.to_dict() == sums.to_dict()
    assert metrics_of(later.pairs) == pytest.approx(
        {"top1_accuracy": 2 / 3, "macro_precision": 0.75, "macro_recall": 0.75, "macro_f1": 2 / 3}
    ), "bird is no label of the model"
    assert metrics_of({}) == {}


def answered(platform: FakePlatform, **fields: Any) -> Any:
    """Twenty labelled files: two failures, one wrong."""
    batch, _ = planned(platform, **fields)
    for label in ("cat", "dog"):
        for number in range(10):
            told = ranked("cat" if (label, number) == ("dog", 3) else label)
            platform.artifacts.write(result_key(batch.id, f"{PROJECT}/{DATASET}/{label}/{number}.jpg"), json.dumps(told).encode())
    platform.artifacts.objects.pop(result_key(batch.id, f"{PROJECT}/{DATASET}/cat/0.jpg"))
    platform.artifacts.write(result_key(batch.id, f"{PROJECT}/{DATASET}/cat/1.jpg"), b"no json")
    platform.batch_jobs.change(batch.id, {"status": "SUMMARISING"})
    return batch


def files_of(platform: FakePlatform, batch: Any) -> dict[str, bytes]:
    """Of all results but the single answers."""
    prefix = f"infer-result-{batch.id}/"
    found = platform.artifacts.objects.items()
    return {key.removeprefix(prefix): body for key, body in found if key.startswith(prefix) and not key.endswith(".out")}


def test_a_summary_names_every_file_and_every_failure():
    platform = a_platform()
    batch = answered(platform)
    assert summarise(platform, batch.id, 1, None, lambda: True).cursor is None
    files = files_of(platform, batch)
    rows = list(csv.DictReader(files["summary.csv"].decode("utf-8-sig").splitlines()))
    assert len(rows) == 20
    assert [row["error"] for row in rows][:3] == ["no_answer", "unreadable_answer", ""]
    assert len(files["failures.jsonl"].splitlines()) == 2
    report = platform.batch_jobs.get(batch.id).report
    assert (report["answered_count"], report["failed_count"], report["scored_count"]) == (18, 2, 18)
    assert report["metrics"]["top1_accuracy"] == pytest.approx(17 / 18)
    assert [label["label"] for label in json.loads(files["report.json"])["labels"]] == ["cat", "dog"]


@pytest.mark.parametrize(("dataset", "is_warned"), [(DATASET, True), ("another", False)])
def test_metrics_on_what_the_model_was_made_from_come_with_a_warning(dataset: str, is_warned: bool):
    platform = a_platform()
    batch = answered(platform)
    platform.models.change(batch.model, {"dataset": dataset})
    summarise(platform, batch.id, 1, None, lambda: True)
    warnings = platform.batch_jobs.get(batch.id).report["warnings"]
    assert ["flatter" in warning for warning in warnings] == ([True] if is_warned else [])


def test_many_short_calls_give_the_same_as_one_and_a_call_may_come_twice(monkeypatch: pytest.MonkeyPatch):
    platform = a_platform()
    batch = answered(platform)
    summarise(platform, batch.id, 1, None, lambda: True)
    whole = files_of(platform, batch)
    monkeypatch.setattr(batch_summary, "WINDOW", 3)
    monkeypatch.setattr(batch_summary, "PART_FILES", 3)
    cursor = None
    for _ in range(8):
        summarise(platform, batch.id, 1, cursor, lambda: False)  # a Lambda whose answer was lost
        cursor = json.loads(json.dumps(summarise(platform, batch.id, 1, cursor, lambda: False).cursor))
    assert cursor["is_read"] is True
    assert summarise(platform, batch.id, 1, cursor, lambda: True).cursor is None
    assert files_of(platform, batch) == whole


def test_a_call_that_is_short_of_time_leaves_whole_files_to_the_next(monkeypatch: pytest.MonkeyPatch):
    platform = a_platform()
    batch = answered(platform, summary="both")
    whole = {}
    cursor: Any = {"at": 0, "parts": 0, "is_read": False}
    times = iter([True, True, False, True, False, True, True, True])
    calls = 0
    while cursor is not None:
        cursor = json.loads(json.dumps(summarise(platform, batch.id, 1, cursor, lambda: next(times)).cursor))
        whole, calls = files_of(platform, batch), calls + 1
    assert calls == 3
    assert set(whole) >= {"results.jsonl", "failures.jsonl", "summary.csv", "summary.parquet", "report.json"}


def test_a_summary_as_parquet_has_the_rows_of_the_csv_with_a_type_for_each_column():
    platform = a_platform()
    batch = answered(platform, summary="both")
    summarise(platform, batch.id, 1, None, lambda: True)
    files = files_of(platform, batch)
    texts = list(csv.DictReader(files["summary.csv"].decode("utf-8-sig").splitlines()))
    typed = pyarrow.parquet.read_table(io.BytesIO(files["summary.parquet"])).to_pylist()
    for row in typed:
        assert row.pop("value") is None, "these are classes"
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in typed] == texts
    links = result_links(platform, platform.batch_jobs.get(batch.id))
    assert {"summary_csv", "summary_parquet"} < set(links)


@pytest.mark.parametrize(("form", "names"), [("csv", {"summary.csv"}), ("parquet", {"summary.parquet"})])
def test_the_summary_has_the_form_that_was_asked_for(form: str, names: set[str]):
    platform = a_platform()
    batch = answered(platform, summary=form)
    summarise(platform, batch.id, 1, None, lambda: True)
    assert {name for name in files_of(platform, batch) if name.startswith("summary")} == names
    assert {name for name in result_links(platform, platform.batch_jobs.get(batch.id)) if name.startswith("summary")} == {f"summary_{form}"}


def test_numbers_have_a_column_of_their_own_in_parquet():
    lines = [
        row.model_dump_json(exclude_none=True).encode()
        for row in rows_of(GIVEN, answer({"value": 1.5}, {"value": -2}, kind="table_common"))
    ]
    rows = pyarrow.parquet.read_table(io.BytesIO(b"".join(parquet_of(lines)))).to_pylist()
    assert [(row["item"], row["label"], row["value"]) for row in rows] == [(0, None, 1.5), (1, None, -2.0)]
    assert b"\r\nzoo/a.jpg,1,-2" in b"".join(csv_of(lines)), "and stay numbers in CSV"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "--1", "+1,2"])
def test_text_that_a_spreadsheet_would_run_is_only_shown(text: str):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1", "+1.5", "-.5", "-1e-3", "1-1", "cat", "", None, -1, -0.5, 0])
def test_numbers_and_harmless_text_stay_as_they_are(value: Any):
    assert safe_cell(value) == value


def test_texts_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batch_rows, "MAX_COUNTED_LABELS", 3)
    sums = Sums()
    for text in ("a", "b", "a", "c", "d", "e", "a"):
        sums.add(rows_of(GIVEN, answer({"label": text, "conf": 1, "pos": []})), frozenset())
    assert (sums.labels, sums.rows) == ({"a": 3, "b": 1, "c": 1}, 7)


def test_results_are_paged_and_a_made_up_cursor_is_refused():
    platform = a_platform()
    batch = answered(platform)
    with pytest.raises(Conflict, match=r"batch\.not_summarised_yet"):
        result_links(platform, platform.batch_jobs.get(batch.id))
    summarise(platform, batch.id, 1, None, lambda: True)
    job = platform.batch_jobs.get(batch.id)
    first = result_page(platform, job, 15, None, is_failed_only=False)
    second = result_page(platform, job, 15, first.cursor, is_failed_only=False)
    assert (len(first.items), len(second.items), second.cursor) == (15, 5, None)
    assert [row.error for row in result_page(platform, job, 15, None, is_failed_only=True).items] == ["no_answer", "unreadable_answer"]
    with pytest.raises(InvalidRequest, match=r"cursor\.invalid"):
        result_page(platform, job, 15, first.cursor, is_failed_only=True)


def test_a_name_that_a_spreadsheet_would_split_stays_one_cell():
    platform = a_platform()
    name = PREFIX + 'a,"b\nc.jpg'
    platform.dropped.objects[name] = b"x"
    batch, _ = planned(platform, prefix=PREFIX)
    platform.artifacts.write(result_key(batch.id, name), json.dumps(ranked("cat")).encode())
    summarise(platform, batch.id, 1, None, lambda: True)
    text = files_of(platform, batch)["summary.csv"].decode("utf-8-sig")
    assert next(iter(csv.DictReader(text.splitlines(keepends=True))))["file"] == name
