"""Line and field metrics against plain counts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.scenarios.ocr.bad_cases import bad_cases
from droplearn.scenarios.ocr.conventions import Conventions, learn_conventions, line_key
from droplearn.scenarios.ocr.fields.layout import TextLine
from droplearn.scenarios.ocr.intervals import page_intervals
from droplearn.scenarios.ocr.measures import LineResult, PageResult, edits, field_metrics, field_scores, is_right, line_metrics
from droplearn.scenarios.ocr.records import same_places

SHORT = st.text("ab ", max_size=5)


def naive_edits(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    return min(naive_edits(one[1:], other) + 1, naive_edits(one, other[1:]) + 1, naive_edits(one[1:], other[1:]) + (one[0] != other[0]))


@given(SHORT, SHORT)
def test_edits_are_levenshteins(one, other):
    assert edits(one, other) == naive_edits(one, other)


def page(values, found, lines=(), **more):
    return PageResult("a.jpg", "test", False, tuple(lines), values, found, found, **more)


def test_line_metrics_count_lines_and_characters():
    lines = [LineResult("Total 12", "TOTAL  12", True), LineResult("abcd", "abxd", False)]
    assert line_metrics([page({}, {}, lines)], is_case_sensitive=False) == {
        "line_accuracy": 0.5,
        "character_error_rate": pytest.approx(1 / 11),
        "normalised_edit_distance": pytest.approx((0 + 1 / 4) / 2),
        "line_accuracy_end_to_end": 0.5,
    }
    assert line_metrics([page({}, {}, lines)], is_case_sensitive=True)["line_accuracy"] == 0
    assert line_metrics([], is_case_sensitive=True) == {}


def test_precision_is_over_given_values_and_recall_over_pages_that_have_the_field():
    kinds = {"total": "amount"}
    pages = [page({"total": "1.00"}, {"total": "RM 1.00"}), page({"total": "2.00"}, {"total": "3.00"}), page({"total": "4.00"}, {})]
    pages.append(page({}, {"total": "9.00"}))
    score = field_scores(pages, kinds, lambda p: p.found)["total"]
    assert (score.support, score.predicted, score.right) == (3, 3, 1)
    assert (score.precision, score.recall, score.f1) == (pytest.approx(1 / 3),) * 3
    assert [is_right(p, kinds) for p in pages] == [True, False, False, False]
    assert field_metrics(pages, kinds)["field_macro_f1"] == pytest.approx(1 / 3)
    assert field_metrics(pages, kinds)["field_macro_f1_exact"] == 0
    assert field_metrics(pages, {}) == {}


def test_a_page_result_survives_json():
    result = page({"a": "1"}, {"a": "2"}, [LineResult("x", "y", False)], confidences={"a": 0.5})
    assert PageResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_conventions_follow_the_transcripts():
    capitals = learn_conventions(["TOTAL RM 12.00 THANK YOU", "PLEASE COME AGAIN"])
    assert capitals == Conventions("upper", True)
    assert capitals.write("Total：1") == "TOTAL:1"
    assert learn_conventions(["Total", "thank you very much indeed"]).letter_case == "as_read"
    assert learn_conventions(["AB"]).letter_case == "as_read"
    assert not learn_conventions(["全角：１"]).is_half_width
    assert Conventions.from_dict(capitals.to_dict()) == capitals
    assert line_key("Ａ b", True) == "Ab"


def test_lines_that_were_cut_otherwise_are_compared_joined():
    def line(text, left, right):
        return TextLine(text, left, 0.1, right, 0.2)

    annotated = [line("Total", 0.0, 0.3), line("12.00", 0.35, 0.5), line("x", 0.8, 0.9)]
    read = [line("Total 12.00", 0.0, 0.5)]
    assert same_places(annotated, read) == [([0, 1], [0]), ([2], [])]


def test_every_wrong_field_is_a_bad_case_with_what_stands_there_and_what_was_read():
    one = page({"total": "10", "date": "2026-01-02"}, {"total": "70", "name": "Ann"}, confidences={"total": 0.9, "name": 0.4})
    cases = bad_cases([one, page({"total": "5"}, {"total": "5"})], {"total": "text", "date": "text", "name": "text"})
    assert [(c.label, c.predicted, c.truth, c.given, c.confidence) for c in cases] == [
        ("total", "wrong", "10", "70", 0.9),
        ("date", "missing", "2026-01-02", "", 0.0),
        ("name", "not on the page", "", "Ann", 0.4),
    ]


def test_without_fields_every_line_that_was_not_found_is_a_bad_case():
    lines = [LineResult("a", "a", True), LineResult("b", "", False), LineResult("c", "e", False), LineResult("d", "d", False)]
    assert [(c.predicted, c.truth) for c in bad_cases([page({}, {}, lines)], {})] == [("missing", "b"), ("wrong", "c"), ("elsewhere", "d")]


def test_intervals_over_pages_contain_the_figure_and_shrink_with_more_pages():
    lines = [LineResult("a", "a", True), LineResult("b", "x", False)]
    pages = [page({"total": "1"}, {"total": "1" if n % 2 else "2"}, lines) for n in range(10)]
    few, many = (page_intervals(pages * times, {"total": "text"}) for times in (1, 20))
    low, high = few["field_macro_f1"]
    assert low <= 0.5 <= high
    assert few["line_accuracy_end_to_end"] == (0.5, 0.5), "every page is half right"
    assert np.ptp(many["field_macro_f1"]) < (high - low) / 3
