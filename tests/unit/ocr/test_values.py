"""Dates and amounts in lines, kinds of fields, and when two values are the same."""

import pytest

from droplearn.scenarios.ocr.fields.values import comparable, exact, kind_of, parts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ORD #50 -REG #19- 18/01/2018 10:27:03", ["18/01/2018"]),
        ("2018年3月5日", ["2018年3月5日"]),
        ("2018 / 02 / 22 13:34", ["2018 / 02 / 22"]),
        ("24 MAR 2018 18:23", ["24 MAR 2018"]),
        ("Jan 5, 2019", ["Jan 5, 2019"]),
        ("20180304", ["20180304"]),
        ("04 - 2/60", []),
        ("27/02/201815:32:47", ["27/02/2018"]),
        ("27/02/20181", []),
        ("32/01/2019", []),
        ("12-05-19 to 13-05-19", ["12-05-19", "13-05-19"]),
    ],
)
def test_dates_are_found_inside_lines(text, found):
    assert parts("date", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("RM 33.90", ["33.90"]), ("1,234.50", ["1,234.50"]), ("0.20SR", ["0.20"]), ("3,50 EUR", ["3,50"]), ("12.5", []), ("23.06.2017", [])],
)
def test_amounts_are_found_inside_lines(text, found):
    assert parts("amount", text) == found


def test_a_field_is_a_date_or_an_amount_where_nearly_every_line_holds_exactly_one():
    assert kind_of(["Date: 01/02/2019", "3 MAR 2018 10:00"]) == "date"
    assert kind_of(["RM 12.00", "7.50"]) == "amount"
    assert kind_of(["RICE 5KG LONG GRAIN 19.00", "BREAD WHOLE WHEAT 2.00"]) == "text", "an amount in a line of goods is not its value"
    assert kind_of(["01/02/2019 to 03/02/2019"]) == "text"
    assert kind_of([]) == "text"


@pytest.mark.parametrize(
    ("one", "other", "kind", "is_same"),
    [
        ("NO 290, JALAN AIR PANAS.", "no 290 Jalan Air Panas", "text", True),
        ("12/01/2019", "12-01-2019", "date", False),
        ("RM 33.90", "33.90", "amount", True),
        ("33.90", "339.0", "amount", False),
        ("1,234.50", "1234.50", "amount", True),
        ("ＡＢＣ：１", "abc:1", "text", True),
        ("A/B", "AB", "text", True),
        ("7/12", "712", "text", False),
        ("G1 . 116A", "G1.116A", "text", True),
    ],
)
def test_values_are_the_same_without_case_space_and_punctuation(one, other, kind, is_same):
    assert (comparable(one, kind) == comparable(other, kind)) is is_same


def test_the_stricter_rule_counts_punctuation():
    assert exact("A, b  c") == exact("a, B c")
    assert exact("A, B") != exact("A B")
