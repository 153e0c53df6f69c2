"""Requests of a served tabular model, right and wrong; and AutoGluon's part."""

import json

import numpy as np
import pytest

from droplearn.contracts.errors import InvalidRequest
from droplearn.scenarios.answering import PipelinePredictor, UndecodableInput
from droplearn.scenarios.tabular_prediction.columns.kinds import CategoryColumn, DateColumn, IgnoredColumn, NumberColumn
from droplearn.scenarios.tabular_prediction.columns.plan import Plan
from droplearn.scenarios.tabular_prediction.members import autogluon_model
from droplearn.scenarios.tabular_prediction.members.autogluon_model import VERSIONS_FILE, AutoGluonModel, installed_versions, pack
from droplearn.scenarios.tabular_prediction.members.ensemble import Pipeline
from droplearn.scenarios.tabular_prediction.serving import TablePredictor

PLAN = Plan(
    columns=[
        IgnoredColumn(name="id", reason="identifier"),
        NumberColumn(name="age", words=["?"]),
        CategoryColumn(name="city", values=["Oslo", "Turin"]),
        DateColumn(name="day", format="ISO8601", parts=["month"]),
    ]
)
ROW = {"age": 30, "city": "Oslo", "day": "2024-05-06"}


def predictor(problem="classification", wrong=False) -> TablePredictor:
    labels = ["no", "yes"] if problem == "classification" else []
    pipeline = Pipeline(target="t", problem=problem, metric="auto", labels=labels, plan=PLAN, members=[])

    def run(frame):
        features, problems = PLAN.encode(frame)
        share = np.where(np.isnan(features.numbers[:, 0]), 0.5, features.numbers[:, 0] / 100)
        answers = np.column_stack([1 - share, share]) if labels else features.numbers[:, :1]
        return answers * (np.nan if wrong else 1), problems

    return TablePredictor(pipeline, run)


def ask(body, **how):
    return predictor(**how).predict(body if isinstance(body, bytes) else json.dumps(body).encode(), {})


def test_the_predictor_is_one():
    assert isinstance(predictor(), PipelinePredictor)
    predictor().warm_up()


@pytest.mark.parametrize(
    "body",
    [
        ROW,
        [ROW],
        {"rows": [ROW]},
        b"age,city,day\n30,Oslo,2024-05-06\n",
        b"more;day;city;age\n1;2024-05-06;Oslo;30\n",
        ROW | {"other": [1]},
    ],
)
def test_every_form_of_a_row_gets_the_same_answer(body):
    answer = ask(body)
    assert answer.meta == {"rows": 1}
    assert answer.body == [{"label": "no", "conf": 0.7, "probabilities": {"no": 0.7, "yes": 0.3}}]


def test_a_number_is_answered_as_a_value():
    assert ask([ROW, ROW | {"age": "41.5"}], problem="regression").body == [{"value": 30.0}, {"value": 41.5}]


@pytest.mark.parametrize("age", [None, "", "?", " ", "NA"])
def test_a_value_that_is_not_known_may_be_missing(age):
    assert ask(ROW | {"age": age}).body[0]["conf"] == 0.5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"age": 3}, "Columns missing: city, day"),
        ([], "There is no row"),
        ([1], "Rows must be JSON objects"),
        (ROW | {"age": "old"}, "Row 1: column 'age' cannot be 'old'"),
        ([ROW, ROW | {"day": "soon"}], "Row 2: column 'day' cannot be 'soon'"),
        (ROW | {"age": [3]}, "column 'age' must be one value"),
        ([ROW] * 10_001, "There are 10,001 rows"),
        (b"age,city,day\n" + b"1,a,2024-01-01\n" * 10_001, "more than 10,000 rows"),
        (b"age,city,day\n1,a\n", "no usable row"),
        (b"age,city,day\n1,a\n1,a,2024-01-01\n", "Line 2 has 2 cells"),
    ],
)
def test_a_wrong_request_is_refused_with_the_place(body, message):
    with pytest.raises((InvalidRequest, UndecodableInput), match=message):
        ask(body)


@pytest.mark.parametrize("body", [b"", b"\xff\xd8\xff\x00\x00", b'{"rows": [', b"PAR1...."])
def test_what_is_neither_csv_nor_json_nor_parquet_cannot_be_decoded(body):
    with pytest.raises(UndecodableInput):
        ask(body)


@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_a_model_that_gives_no_number_is_an_error(problem):
    with pytest.raises(ValueError, match="The model gave"):
        ask(ROW, problem=problem, wrong=True)


def zipped(tmp_path, versions):
    (tmp_path / VERSIONS_FILE).write_text(json.dumps(versions))
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "x.pkl").write_bytes(b"never looked at")
    return pack(tmp_path)


def test_a_folder_is_packed_to_the_same_bytes_again(tmp_path):
    assert zipped(tmp_path, {}) == zipped(tmp_path, {})


def test_a_clone_of_other_packages_is_refused_before_anything_is_unpacked(tmp_path):
    content = zipped(tmp_path, installed_versions() | {"catboost": "0.1"})
    with pytest.raises(InvalidRequest, match=r"catboost 0\.1 \(here") as caught:
        AutoGluonModel(content, 2)
    assert caught.value.code == "model.unusable"


def test_a_damaged_clone_is_refused():
    with pytest.raises(InvalidRequest, match="damaged"):
        AutoGluonModel(b"PK no zip", 2)


def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch):
    content = zipped(tmp_path, installed_versions())
    monkeypatch.setattr(autogluon_model, "_version", lambda name: "")
    with pytest.raises(InvalidRequest, match="not installed"):
        AutoGluonModel(content, 2)
