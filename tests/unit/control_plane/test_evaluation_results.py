"""Any threshold, bad cases and comparisons from an evaluation's small files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.api.evaluation_views import BadCaseGroups, CurvesView
from chalicelib.domain.comparison import mcnemar
from chalicelib.domain.thresholds import at, best, drawn, macro, micro, scores_at
from chalicelib.service.evaluation_results import bad_case_index, bad_cases, compare, dataset_of, links_to
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound
from droplearn.contracts.evaluation import BadCase, EvaluationCurves, LabelCurve
from droplearn.scenarios.learning.curves import average_precision, curve, curves_of_classifier
from droplearn.scenarios.learning.intervals import classification_intervals
from tests.unit.control_plane.things import a_model, a_platform
from tests.unit.control_plane.things import an_evaluation as evaluation_of
from trainer.evaluate import write_bad_cases

confidences = st.lists(st.tuples(st.integers(0, 1000).map(lambda n: n / 1000), st.booleans()), max_size=60)


@settings(max_examples=200, deadline=None)
@given(confidences, st.integers(0, 5), st.integers(0, 1000).map(lambda n: n / 1000))
def test_counts_at_a_threshold_are_those_of_the_answers_themselves(answers, unfound: int, threshold: float):
    scores, is_true = np.array([s for s, _ in answers]), np.array([t for _, t in answers], dtype=bool)
    positives = int(is_true.sum()) + unfound
    found = at(curve("a", scores, is_true, positives), threshold)
    right = sum(t for s, t in answers if s >= threshold)
    wrong = sum(not t for s, t in answers if s >= threshold)
    assert (found.true_positives, found.false_positives, found.false_negatives) == (right, wrong, positives - right)


@settings(max_examples=100, deadline=None)
@given(confidences)
def test_the_suggested_threshold_has_the_best_f1(answers):
    scores, is_true = np.array([s for s, _ in answers]), np.array([t for _, t in answers], dtype=bool)
    made = curve("a", scores, is_true, int(is_true.sum()))
    threshold = best(made)
    naive = max((at(made, s).f1 for s in scores), default=0.0)
    assert (threshold is None) == (naive == 0)
    if threshold is not None:
        assert at(made, threshold).f1 == naive


def test_average_precision_is_the_textbook_sum():
    scores, is_true = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert average_precision(scores, is_true, 2) == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert average_precision(scores, is_true, 4) == pytest.approx((1 + 2 / 3) / 4, abs=1e-6)
    assert average_precision(scores, is_true, 0) is None
    assert average_precision(np.array([]), np.array([], dtype=bool), 3) == 0
    assert average_precision(np.full(4, 0.5), is_true, 2) == pytest.approx(0.5)


def test_a_classifiers_curves_have_micro_and_macro_averages_and_few_points_to_draw():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 900)
    logits = generator.normal(size=(900, 3)) + 2 * np.eye(3)[y]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    curves = curves_of_classifier("eval-1", ["a", "b", "c"], y, probabilities)
    rows = scores_at(curves, 0.5, {"b": 0.9})
    assert [threshold for _, threshold, _ in rows] == [0.5, 0.9, 0.5]
    assert micro([s for _, _, s in rows]).precision > 0.5
    assert macro([s for _, _, s in rows])["recall"] < rows[0][2].recall
    assert curves.macro_average_precision == pytest.approx(np.mean([c.average_precision for c in curves.labels]), abs=1e-5)
    points = list(drawn(curves.labels[0]))
    assert 100 < len(points) <= 201
    assert EvaluationCurves.from_json(curves.to_json()) == curves
    shown = CurvesView.of(curves)
    assert 50 < len(shown.micro) == len(shown.macro) <= 101
    assert shown.micro[-1].recall == shown.macro[-1].recall == 1.0
    assert [p.threshold for p in shown.micro] == sorted((p.threshold for p in shown.micro), reverse=True)
    middle = next(p for p in shown.micro if p.threshold < 0.5)
    assert middle.precision == micro([at(c, middle.threshold) for c in curves.labels]).precision
    assert (
        at(LabelCurve(label="x", positive_count=0, average_precision=None, thresholds=[], true_positives=[], false_positives=[]), 0.5).f1
        == 0
    )


def test_three_right_of_three_prove_little():
    few, many = (classification_intervals(np.diag(counts)) for counts in ([1, 1, 1], [30, 30, 30]))
    assert few["top1_accuracy"] == (pytest.approx(0.025 ** (1 / 3), abs=1e-5), 1.0)
    assert few["macro_f1"][0] < 0.3 < 0.95 < many["macro_f1"][0] < 1
    wrong = classification_intervals(np.array([[0, 3], [0, 0]]))
    assert wrong["top1_accuracy"] == (0.0, pytest.approx(1 - 0.025 ** (1 / 3), abs=1e-5))


def test_intervals_contain_the_figure_and_shrink_with_more_examples():
    few, many = np.array([[4, 1], [1, 4]]), np.array([[400, 100], [100, 400]])
    for confusion in (few, many):
        low, high = classification_intervals(confusion)["top1_accuracy"]
        assert low <= 0.8 <= high
    widths = [np.ptp(classification_intervals(c)["macro_f1"]) for c in (few, many)]
    assert widths[1] < widths[0] / 5


# ---- bad cases -------------------------------------------------------------------------------------------------------
PAIRS = ("ab", "ac", "ba", "马b")
CASES = [BadCase(path=f"{one}{other}{n}.jpg", label=one, predicted=other, confidence=n / 100) for one, other in PAIRS for n in range(30)]


@pytest.fixture
def platform(tmp_path):
    made = a_platform()
    evaluation_of(made, "eval-1", metrics={"top1_accuracy": 0.8})
    write_bad_cases(tmp_path, "eval-1", CASES)
    for file in tmp_path.iterdir():
        made.artifacts.objects[f"evaluations/eval-1/report/{file.name}"] = file.read_bytes()
    return made


@pytest.mark.parametrize("limit", [1, 7, 30, 31, 1000])
@pytest.mark.parametrize(("label", "predicted"), [(None, None), ("a", None), (None, "b"), ("马", "b"), ("b", "c")])
def test_pages_of_bad_cases_hold_all_of_them_once_the_most_confident_first(platform, label, predicted, limit):
    found, cursor = [], None
    while True:
        page = bad_cases(platform, "eval-1", label, predicted, limit, cursor)
        assert len(page.items) <= limit
        found, cursor = found + page.items, page.cursor
        if cursor is None:
            break
    wanted = [c for c in CASES if label in (None, c.label) and predicted in (None, c.predicted)]
    assert found == sorted(wanted, key=lambda c: (c.label, c.predicted, -c.confidence))


def test_bad_cases_are_counted_by_pair_of_labels(platform):
    groups = BadCaseGroups.of("eval-1", bad_case_index(platform, "eval-1"))
    assert groups.count == len(CASES)
    assert {(g.label, g.predicted): g.count for g in groups.groups} == {tuple(pair): 30 for pair in PAIRS}


def test_links_to_bad_cases_lead_to_the_dataset_that_was_evaluated(platform):
    model = a_model(platform, id="model-x")
    own = platform.evaluations.get("eval-1")
    other = replace(own, dataset_project="farm", dataset="later")
    place = dataset_of(platform, own)
    assert place == (model.project, model.dataset)
    assert dataset_of(platform, other) == ("farm", "later")
    (link,) = links_to(platform, place, ["a b.jpg", "a b.jpg"]).values()
    assert link == f"https://data.example.com/{model.project}/{model.dataset}/a%20b.jpg?expires=900"


def test_a_cursor_of_another_list_is_refused(platform):
    cursor = bad_cases(platform, "eval-1", None, None, 7, None).cursor
    other = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for bad in ("x", other, "eyJieXRlIjoiNSJ9"):
        with pytest.raises(InvalidRequest, match=r"cursor\.invalid"):
            bad_cases(platform, "eval-1", None, None, 7, bad)


def test_an_evaluation_without_such_a_list_says_so(platform):
    evaluation_of(platform, "eval-2", metrics={"rmse": 1.0})
    with pytest.raises(NotFound, match=r"evaluation\.not_of_this_kind"):
        bad_cases(platform, "eval-2", None, None, 7, None)


# ---- comparison ------------------------------------------------------------------------------------------------------
def test_the_test_is_symmetric_exact_and_blind_to_what_both_get_wrong(platform, tmp_path):
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == mcnemar(9, 1) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar(500, 501) > 0.9
    assert mcnemar(600, 401) < 1e-8
    evaluation_of(platform, "eval-2", metrics={"top1_accuracy": 0.9, "log_loss": 1.0})
    (tmp_path / "two").mkdir()
    write_bad_cases(tmp_path / "two", "eval-2", [*CASES[:100], BadCase(path="new.jpg", label="a", predicted="b", confidence=0.5)])
    for file in (tmp_path / "two").iterdir():
        platform.artifacts.objects[f"evaluations/eval-2/report/{file.name}"] = file.read_bytes()
    found = compare(platform, "eval-1", "eval-2")
    assert (found.only_first_wrong, found.only_second_wrong, found.both_wrong) == (20, 1, 100)
    assert found.p_value < 0.001
    assert found.metrics == {"top1_accuracy": (0.8, 0.9)}


def test_other_examples_cannot_be_compared(platform):
    evaluation_of(platform, "eval-3", metrics={"top1_accuracy": 0.8}, dataset_version="v-other")
    with pytest.raises(Conflict, match=r"evaluation\.not_comparable"):
        compare(platform, "eval-1", "eval-3")


def test_a_bad_case_is_one_line_of_json(tmp_path):
    write_bad_cases(tmp_path, "eval-1", CASES)
    assert json.loads((tmp_path / "bad_cases.jsonl").read_text().splitlines()[0]) == {
        "path": "ab29.jpg", "label": "a", "predicted": "b", "confidence": 0.29,
    }  # fmt: skip
