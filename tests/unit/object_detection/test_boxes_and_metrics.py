"""Letterbox, suppression, average precision, matching; against naive versions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from droplearn.scenarios.object_detection.boxes import MAX_DETECTIONS, Detections, detect, iou, letterbox, suppress
from droplearn.scenarios.object_detection.findings import NOTHING, Findings
from droplearn.scenarios.object_detection.metrics import Truth, average_precision, counts_at, match, ratios


def boxes(*rows) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def truth(*rows, labels=(), difficult=()) -> Truth:
    return Truth(100, 50, boxes(*rows), np.array(labels, int), np.array(difficult or [0] * len(rows), int))


def found(*rows, scores=(), labels=()) -> Detections:
    return Detections(boxes(*rows), np.array(scores, float), np.array(labels, int))


@pytest.mark.parametrize(("height", "width"), [(50, 100), (100, 50), (7, 1000), (64, 64)])
def test_a_letterboxed_picture_fills_the_square_from_the_left_top_corner(height, width):
    square = letterbox(np.full((height, width, 3), 200, np.uint8), 64)
    shown = (square == 200).all(axis=2)
    assert square.shape == (64, 64, 3)
    assert shown[0, 0]
    assert shown.any(axis=0).sum() == max(1, round(width * 64 / max(width, height)))
    assert shown.any(axis=1).sum() == max(1, round(height * 64 / max(width, height)))


def test_places_are_parts_of_the_picture_whatever_its_shape():
    network_boxes, scores = boxes((0, 0, 64, 32), (-9, 8, 32, 90)), np.array([[0.9], [0.8]])
    result = detect(network_boxes, scores, 200, 100, size=64, threshold=0.3)
    assert result.boxes == pytest.approx(boxes((0, 0, 1, 1), (0, 0.25, 0.5, 1)))
    assert result.scores.tolist() == [0.9, 0.8]


def test_classes_do_not_suppress_each_other_and_equal_boxes_of_one_class_do():
    same = boxes((0, 0, 30, 30), (1, 1, 31, 31), (0, 0, 30, 30))
    scores = np.array([[0.9, 0.0], [0.8, 0.0], [0.0, 0.7]])
    result = detect(same, scores, 64, 64, size=64, threshold=0.3)
    assert list(zip(result.scores.tolist(), result.labels.tolist(), strict=True)) == [(0.9, 0), (0.7, 1)]


def test_never_more_than_a_hundred_objects_and_none_below_the_threshold():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 300, (900, 2)).astype(np.float32)
    result = detect(np.concatenate([corner, corner + 5], axis=1), random.uniform(0, 1, (900, 2)), 320, 320, size=320, threshold=0.5)
    assert len(result.scores) == MAX_DETECTIONS
    assert result.scores.min() >= 0.5
    assert (np.diff(result.scores) <= 0).all()


box = st.tuples(*(st.integers(0, 20) for _ in range(2)), *(st.integers(1, 12) for _ in range(2))).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def naive_iou(a, b) -> float:
    cells = lambda q: {(x, y) for x in range(q[0], q[2]) for y in range(q[1], q[3])}  # noqa: E731
    return len(cells(a) & cells(b)) / len(cells(a) | cells(b))


@given(st.lists(box, min_size=1, max_size=8), st.lists(box, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_overlap_is_that_of_counted_cells(one, other):
    assert iou(boxes(*one), boxes(*other)) == pytest.approx(np.array([[naive_iou(a, b) for b in other] for a in one]), abs=1e-6)


@given(st.lists(box, min_size=1, max_size=10), st.data())
@settings(max_examples=40, deadline=None)
def test_suppression_keeps_a_box_unless_a_kept_better_one_overlaps_it(given_boxes, data):
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(given_boxes), max_size=len(given_boxes)))
    kept: list[int] = []
    for i, mine in enumerate(given_boxes):
        if all(labels[k] != labels[i] or naive_iou(mine, given_boxes[k]) <= 0.51 for k in kept):
            kept.append(i)
    assert suppress(boxes(*given_boxes), np.array(labels), 0.51).tolist() == kept


def test_average_precision_of_a_case_worked_by_hand():
    truths = [truth((0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9), labels=(0, 1)), truth()]
    first = found((0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9), scores=(0.9, 0.8), labels=(0, 1))
    nothing_there = found((0.1, 0.1, 0.5, 0.5), scores=(0.95,), labels=(0,))
    result = average_precision(truths, [first, nothing_there], 3)
    assert result.by_label_50[:2].tolist() == pytest.approx([0.5, 1.0])  # label 0: wrong at .95, right at .9
    assert np.isnan(result.by_label_50[2])
    assert result.map_50 == pytest.approx(0.75)


def test_perfect_answers_give_one_and_no_answers_zero():
    truths = [truth((0.1, 0.1, 0.5, 0.5), labels=(0,)), truth((0.2, 0.2, 0.4, 0.4), labels=(1,))]
    exact = [Detections(t.boxes, np.ones(1), t.labels) for t in truths]
    assert average_precision(truths, exact, 2).map_50_95 == pytest.approx(1.0)
    nothing = average_precision(truths, [found(), found()], 2)
    assert (nothing.map_50, nothing.by_label_50.tolist()) == (0.0, [0.0, 0.0])
    assert average_precision([truth()], [found()], 1).map_50 == 0.0


def test_a_difficult_object_is_neither_asked_for_nor_wrong():
    truths = [truth((0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9), labels=(0, 0), difficult=(0, 1))]
    both = [found((0.6, 0.6, 0.9, 0.9), (0.1, 0.1, 0.5, 0.5), scores=(0.9, 0.8), labels=(0, 0))]
    assert average_precision(truths, both, 1).map_50 == pytest.approx(1.0)
    right, predicted, wanted = counts_at(truths, both, 1, 0.3)
    assert (right.tolist(), predicted.tolist(), wanted.tolist()) == ([1], [1], [1])


def test_each_true_box_is_found_once():
    one = truth((0.1, 0.1, 0.5, 0.5), labels=(0,))
    twice = found((0.1, 0.1, 0.5, 0.5), (0.1, 0.1, 0.5, 0.49), scores=(0.9, 0.8), labels=(0, 0))
    matched = match(one, twice, 0.3)
    assert matched.truth_of.tolist() == [0, -1]
    assert matched.missed.tolist() == []
    right, predicted, wanted = counts_at([one], [twice], 1, 0.85)
    assert ratios(right, predicted, wanted) == (1.0, 1.0, 1.0)


def test_findings_tell_what_was_right_wrong_and_missed():
    truths = [truth((0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9), labels=(0, 1))]
    seen = [found((0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9), (0, 0, 0.05, 0.05), scores=(0.9, 0.8, 0.1), labels=(0, 0, 1))]
    findings = Findings.of(["cat", "dog"], ["a.jpg"], truths, seen)
    assert [(c.label, c.predicted) for c in findings.bad_cases] == [("dog", NOTHING), ("dog", "cat")]
    columns = findings.columns()
    assert columns["correct"].to_pylist() == [True, False, False, False]
    assert columns["predicted"].to_pylist() == ["cat", "cat", "dog", None]
    cat, dog = findings.curves("e").labels
    assert (cat.positive_count, cat.thresholds, cat.true_positives, cat.false_positives) == (1, [0.9, 0.8], [1, 1], [0, 1])
    assert (dog.average_precision, dog.false_positives) == (0.0, [1])


def test_findings_of_nothing_have_typed_columns():
    findings = Findings.of(["cat"], ["a.jpg"], [truth((0.1, 0.1, 0.5, 0.5), labels=(0,))], [found()])
    assert [str(column.type) for column in findings.columns().values()][:4] == ["string", "string", "string", "float"]
    assert findings.curves("e").labels[0].average_precision == 0.0
