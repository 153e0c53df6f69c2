"""What columns are taken for, and what their cells become."""

import numpy as np
import pytest

from droplearn.scenarios.tabular_prediction.columns.frame import Frame, frame_of_rows
from droplearn.scenarios.tabular_prediction.columns.plan import Plan
from droplearn.scenarios.tabular_prediction.columns.values import as_days, as_numbers
from droplearn.scenarios.tabular_prediction.training.profile import Told, make_plan


def column(values):
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def plan_of(decimal_comma=False, ignored=(), kept=(), **columns):
    frame = Frame({name: column(values) for name, values in columns.items()}, len(next(iter(columns.values()))))
    told = Told()
    return make_plan(frame, decimal_comma=decimal_comma, ignored=ignored, kept=kept, told=told), frame, told.warnings


def kind_of(values, **wishes):
    plan, _, _ = plan_of(x=values, **wishes)
    return plan.columns[0]


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1.5", "plain", 1.5),
        ("-2e3", "plain", -2000.0),
        ("1_000", "plain", None),
        ("abc", "plain", None),
        ("$1,234.50", "grouped", 1234.5),
        ("(1,234)", "grouped", -1234.0),
        ("12 %", "grouped", 12.0),
        ("1.234,5", "decimal_comma", 1234.5),
        ("0,25", "decimal_comma", 0.25),
    ],
)
@pytest.mark.parametrize("repeat", [1, 100])
def test_numbers_are_read_in_every_style_in_small_and_large_tables_alike(text, style, value, repeat):
    numbers, bad = as_numbers(column([text] * repeat), style)
    assert bad.all() == (value is None)
    assert np.isnan(numbers).all() if value is None else (numbers == value).all()


def test_infinity_counts_as_missing():
    numbers, bad = as_numbers(column(["inf", "-Infinity", "1"]))
    assert np.isnan(numbers).tolist() == [True, True, False]
    assert not bad.any()


@pytest.mark.parametrize(
    ("text", "form"), [("2024-03-05", "ISO8601"), ("2024-03-05T12:30:00Z", "ISO8601"), ("05/03/2024", "%d/%m/%Y"), ("20240305", "%Y%m%d")]
)
def test_dates_are_the_same_days_in_small_and_large_tables(text, form):
    one, _ = as_days(column([text, "soon", None]), form)
    many, bad = as_days(column([text, "soon", None] * 50), form)
    assert one[0] == many[0]
    assert int(one[0]) == 19787
    assert bad[:3].tolist() == [False, True, False]


def test_every_kind_of_column_is_recognised():
    rows = 200
    numbers = np.random.default_rng(0).normal(size=rows).round(3)
    plan, _, warnings = plan_of(
        number=[str(v) for v in numbers],
        category=["red", "green"] * (rows // 2),
        flag=["True", "False"] * (rows // 2),
        date=[f"2024-0{1 + i % 9}-1{i % 10}" for i in range(rows)],
        text=[f"the {'slow' if i % 2 else 'fast'} answer number {i}" for i in range(rows)],
        serial=[f"A-{i * 7919 % 100003}-{i}" for i in range(rows)],
        row_number=[str(i) for i in range(rows)],
        same=["x"] * rows,
        nothing=[None] * rows,
    )
    assert {c.name: c.kind if c.kind != "ignored" else c.reason for c in plan.columns} == {
        "number": "number",
        "category": "category",
        "flag": "category",
        "date": "date",
        "text": "text",
        "serial": "identifier",
        "row_number": "identifier",
        "same": "constant",
        "nothing": "all_missing",
    }
    for name in ("serial", "row_number", "same", "nothing"):
        assert any(repr(name) in warning for warning in warnings)


def test_an_identifier_is_used_when_the_user_says_so():
    assert kind_of([str(i) for i in range(100)], kept=["x"]).kind == "number"


def test_a_column_to_ignore_is_ignored():
    assert kind_of(["a", "b"] * 20, ignored=["x"]).reason == "asked_for"


def test_blank_cells_and_a_few_words_leave_a_column_of_numbers_numeric():
    found = kind_of([*(str(v / 7) for v in range(300)), " ", "", "unknown"])
    assert (found.kind, found.words) == ("number", ["unknown"])


def test_a_word_that_often_stands_for_a_number_is_a_feature():
    plan, frame, _ = plan_of(x=[*(str(v) for v in np.random.default_rng(1).normal(size=96)), *["never"] * 4])
    features, problems = plan.encode(frame)
    assert plan.code_sizes == {"x:word": 3}
    assert features.codes[:, 0].tolist() == [0] * 96 + [2] * 4
    assert not problems


def test_an_unknown_word_in_a_column_of_numbers_is_a_problem_but_an_unknown_category_is_not():
    plan, _, _ = plan_of(n=[str(v / 3) for v in range(60)], c=["a", "b"] * 30)
    features, problems = plan.encode(frame_of_rows([{"n": "much", "c": "z"}, {"n": 7.5, "c": "b"}], ["n", "c"]))
    assert {name: mask.tolist() for name, mask in problems.items()} == {"n": [True, False]}
    assert features.codes[:, 0].tolist() == [1, 3]
    assert np.isnan(features.numbers[0, 0])


def test_names_are_taken_apart_without_knowing_the_language():
    titles = ["Herr", "Frau", "Dr."]
    plan, frame, _ = plan_of(name=[f"{titles[i % 3]} Muster{i} Beispiel{i * 3}" for i in range(300)])
    features, _ = plan.encode(frame)
    names = list(plan.code_sizes)
    common = features.codes[:, names.index("name:common")]
    assert len(set(common.tolist())) == 3
    assert (common[:3] == common[3:6]).all()


def test_codes_like_cabins_give_letter_and_number():
    plan, frame, _ = plan_of(cabin=[f"{'ABCDE'[i % 5]}{i % 97}" for i in range(400)])
    features, _ = plan.encode(frame)
    assert "cabin:head" in plan.code_sizes
    assert features.numbers[:, plan.number_names.index("cabin:number")].tolist() == [i % 97 for i in range(400)]


def test_a_row_is_not_counted_among_those_that_share_its_value():
    values = [f"t{i // 2} {i // 2}" for i in range(100)]
    plan, frame, _ = plan_of(ticket=values)
    place = plan.number_names.index("ticket:rows")
    assert set(plan.encode(frame, is_training=True)[0].numbers[:, place]) == {1.0}
    assert plan.encode(frame_of_rows([{"ticket": "t3 3"}, {"ticket": "new"}], ["ticket"]))[0].numbers[:, place].tolist() == [2.0, 0.0]


def test_a_plan_survives_json_and_gives_the_same_features():
    plan, frame, _ = plan_of(
        n=[str(v / 7) for v in range(100)],
        d=[f"2024-01-{1 + i % 28:02}" for i in range(100)],
        t=[f"word{i % 3} other{i % 7} number {i}" for i in range(100)],
    )
    again = Plan.model_validate_json(plan.model_dump_json())
    ours, theirs = plan.encode(frame)[0], again.encode(frame)[0]
    assert np.array_equal(ours.numbers, theirs.numbers, equal_nan=True)
    assert np.array_equal(ours.codes, theirs.codes)
    assert ours.numbers.shape[1] == len(plan.number_names)
    assert ours.codes.shape[1] == len(plan.code_sizes)


def test_csv_and_json_rows_give_the_same_features():
    plan, _, _ = plan_of(n=[str(v / 4) for v in range(100)], b=["True", "False"] * 50, c=[f"{i % 3}x" for i in range(100)])
    from_csv, _ = plan.encode(frame_of_rows([{"n": "7", "b": "True", "c": "1x"}], ["n", "b", "c"]))
    from_json, _ = plan.encode(frame_of_rows([{"n": 7.0, "b": True, "c": "1x"}], ["n", "b", "c"]))
    assert np.array_equal(from_csv.numbers, from_json.numbers)
    assert np.array_equal(from_csv.codes, from_json.codes)
