"""What the target is taken for, and columns that give it away."""

import numpy as np
import pytest

from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.tabular_prediction.columns.frame import Frame
from droplearn.scenarios.tabular_prediction.training.leaks import drop_repetitions
from droplearn.scenarios.tabular_prediction.training.problem import make_problem
from droplearn.scenarios.tabular_prediction.training.profile import Told, make_plan
from droplearn.scenarios.tabular_prediction.training.target import read_target
from droplearn.scenarios.tabular_prediction.wishes import wishes_of
from tests.unit.tabular_prediction.test_columns import column


def target_of(values, problem="auto", metric="auto", selected=None):
    return read_target("t", column(values), problem, metric, selected)


def poisson(count=2000):
    return [str(v) for v in np.random.default_rng(0).poisson(12, count)]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["yes", "no"] * 20, "classification"),
        (["0", "1"] * 20, "classification"),
        (["1.0", "0.0"] * 20, "classification"),
        (["very good", "so so", "bad"] * 20, "classification"),
        ([str(i % 7) for i in range(200)], "classification"),
        ([str(i % 40) for i in range(2000)], "classification"),
        (poisson(), "regression"),
        ([str(i * 1.37) for i in range(50)], "regression"),
        ([str(-i * 10**9) for i in range(50)], "regression"),
    ],
)
def test_the_problem_is_decided_by_the_values_with_a_reason(values, problem):
    found = target_of(values)
    assert found.problem == problem
    assert found.reason


def test_the_users_word_and_the_metric_overrule_the_values():
    assert target_of(poisson(), problem="classification").problem == "classification"
    assert target_of(poisson(), metric="accuracy").problem == "classification"
    assert target_of([str(i % 7) for i in range(200)], metric="rmse").problem == "regression"


def test_a_metric_that_contradicts_the_problem_is_refused():
    with pytest.raises(InvalidRequest, match="rmse is no metric of classification"):
        target_of(["a", "b"] * 20, problem="classification", metric="rmse")


def test_rows_without_a_target_are_left_out_and_counted():
    found = target_of(["a", "b", None, ""] * 10)
    assert found.rows.tolist() == [i for i in range(40) if i % 4 < 2]
    assert "20 of 40 rows have no value" in found.warnings[0]


def test_labels_are_in_order_numbers_by_value():
    assert target_of(["10", "9", "2"] * 10).labels == ("2", "9", "10")


def test_only_the_selected_labels_are_learnt():
    assert target_of(["a", "b", "c"] * 10, selected=["a", "c"]).labels == ("a", "c")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (["a"] * 30, "dataset.one_label"),
        (["3.5"] * 30, "dataset.one_label"),
        (["a", "b"], "dataset.too_few_examples"),
        ([None] * 30, "dataset.empty"),
        ([f"name {i}" for i in range(100)], "dataset.bad_target"),
    ],
)
def test_a_useless_target_is_refused_with_a_hint(values, code):
    with pytest.raises(InvalidDataset) as caught:
        target_of(values)
    assert (caught.value.code, bool(caught.value.hint)) == (code, True)


def test_a_regression_on_words_is_refused():
    with pytest.raises(InvalidDataset, match="holds words"):
        target_of(["a", "b"] * 20, problem="regression")


def examined(kept=(), **columns):
    frame = Frame({name: column(values) for name, values in columns.items() if name != "t"}, len(columns["t"]))
    told = Told()
    plan = make_plan(frame, decimal_comma=False, ignored=(), kept=kept, told=told)
    problem = make_problem(target_of(columns["t"]), "auto")
    return drop_repetitions(plan, frame, problem, kept, told), told.warnings


def test_a_copy_of_the_target_is_left_out_unless_it_is_to_be_kept():
    values = {"copy": ["left", "stays"] * 50, "other": [str(i * 0.37 % 5) for i in range(100)], "t": ["yes", "no"] * 50}
    plan, warnings = examined(**values)
    assert plan.ignored == ["copy"]
    assert any("copy of the target" in w for w in warnings)
    assert examined(kept=["copy"], **values)[0].ignored == []


def test_a_repeated_column_is_left_out_once():
    plan, _ = examined(a=["x", "y", "z"] * 40, b=["x", "y", "z"] * 40, t=["yes", "no"] * 60)
    assert plan.used == ["a"]


def test_a_number_that_alone_tells_the_target_is_told_but_used():
    numbers = np.random.default_rng(0).normal(size=200)
    plan, warnings = examined(score=[str(v) for v in numbers], t=["yes" if v > 0 else "no" for v in numbers])
    assert plan.used == ["score"]
    assert any("nearly tells the target" in w for w in warnings)


def test_the_target_is_the_last_column_unless_it_is_named():
    assert wishes_of(TaskSettings(), ["a", "b"]).target == "b"
    assert wishes_of(TaskSettings(options={"target": "A"}), ["a", "b"]).target == "a"


@pytest.mark.parametrize("option", ["target", "ignore_columns", "keep_columns"])
def test_an_unknown_column_is_refused_with_the_columns_that_there_are(option):
    with pytest.raises(InvalidRequest, match="no column 'zz'") as caught:
        wishes_of(TaskSettings(options={option: "zz"}), ["a", "b"])
    assert "a, b" in caught.value.hint
