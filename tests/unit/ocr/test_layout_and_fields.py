"""Reading order, assembling of values, labels from values and places, trimming."""

import numpy as np

from droplearn.scenarios.ocr.custom_keys import find_key
from droplearn.scenarios.ocr.fields.assembling import Field, assemble, best_value
from droplearn.scenarios.ocr.fields.layout import TextLine, lay_out
from droplearn.scenarios.ocr.fields.trimming import learn_trimmer
from droplearn.scenarios.ocr.fields.truth import labels_by_overlap, labels_by_values, page_values


def column(*texts, left=0.1, right=0.6, start=0.1):
    return [TextLine(text, left, start + 0.05 * i, right, start + 0.05 * i + 0.03) for i, text in enumerate(texts)]


def test_lines_are_read_row_by_row_even_where_a_row_is_uneven():
    lines = [TextLine("right", 0.6, 0.1, 0.9, 0.13), TextLine("below", 0.1, 0.2, 0.4, 0.23), TextLine("left", 0.1, 0.105, 0.5, 0.135)]
    layout = lay_out(lines)
    assert [line.text for line in layout.lines] == ["left", "right", "below"]
    assert layout.places == (2, 0, 1)
    assert layout.lefts == (None, 0, None)
    assert layout.rights == (1, None, None)
    assert layout.beside(0, 1) == 2
    assert layout.beside(2, 1) is None


def test_an_empty_page_has_no_values():
    assert best_value(lay_out([]), np.zeros(0), "text") is None
    assert best_value(lay_out(column("no date")), np.ones(1), "date") is None


def test_a_text_is_the_stretch_of_likely_lines_and_bridges_a_doubtful_one():
    layout = lay_out(column("ACME LTD", "12 MILL LANE,", "(REG 1)", "ASHFORD", "TEL 1", "ASHFORD"))
    value = best_value(layout, np.array([0.01, 0.95, 0.2, 0.9, 0.02, 0.6]), "text")
    assert value.text == "12 MILL LANE, ASHFORD"
    assert value.places == (1, 3)
    assert 0.9 < value.confidence < 0.95


def test_equal_amounts_vote_together():
    layout = lay_out(column("9.00", "10.00", "RM 9.00"))
    value = best_value(layout, np.array([0.4, 0.5, 0.4]), "amount")
    assert value.text == "9.00"
    assert value.confidence > 0.6


def test_repeated_parts_are_said_once():
    layout = lay_out(column("ACME HARDWARE", "LTD", "HARDWARE LTD"))
    assert assemble(layout, [0, 1, 2], "text") == "ACME HARDWARE LTD"
    assert assemble(lay_out(column("4.00", "5.00", "5.00")), [0, 1, 2], "amount") == "5.00"


def test_a_given_value_finds_all_the_lines_it_was_typed_from():
    layout = lay_out(column("SHOP", "NO 29O, MILL LANE.", "ASHFORD,", "12345 TOWN", "TOTAL 4.50", "4.50"))
    fields = [Field("address", "text"), Field("total", "amount")]
    only_one_annotated = np.array([0, 0, 1, 0, 0, 2])
    labels = labels_by_values(layout, only_one_annotated, {"address": "NO 290, MILL LANE ASHFORD, 12345 TOWN.", "total": "4.50"}, fields)
    assert labels.tolist() == [0, 1, 1, 1, 2, 2]
    assert page_values(layout, labels, fields)["total"] == "4.50"


def test_a_value_that_is_nowhere_changes_no_label():
    layout = lay_out(column("SHOP", "LANE"))
    assert labels_by_values(layout, np.array([0, 1]), {"a": "something else"}, [Field("a", "text")]).tolist() == [0, 1]


def test_read_lines_get_the_label_of_the_place_they_stand_at():
    annotated = column("A", "B")
    moved = [TextLine("b?", 0.12, 0.152, 0.61, 0.182), TextLine("elsewhere", 0.1, 0.7, 0.6, 0.73)]
    assert labels_by_overlap(moved, annotated, np.array([1, 2])).tolist() == [2, 0]


def test_words_that_are_no_part_of_values_are_cut_at_the_ends():
    names = ["ACME CO.", "BLUE DOOR LTD", "MILL S/B", "OLD QUAY LTD", "SILVER LTD"]
    examples = [(f"{name} ({n}-X)", name) for n, name in enumerate(names, start=123456)]
    trimmer = learn_trimmer(examples, range(len(examples)))
    assert trimmer.trim("HARBOUR LTD (998877-K)") == "HARBOUR LTD"
    assert trimmer.trim("HARBOUR LTD") == "HARBOUR LTD"
    assert trimmer.trim("") == ""
    assert learn_trimmer([(name, name) for name in names], range(len(names))) is None


def test_a_typed_key_is_found_by_its_words():
    lines = [*column("Phone: 123", "Cashier", "Phoneline 9"), TextLine("Ann", 0.7, 0.15, 0.9, 0.18)]
    layout = lay_out(lines)
    assert find_key(layout, "phone")[0] == "123"
    assert find_key(layout, "Cashier:")[0] == "Ann"
    assert find_key(layout, "Fax") is None
    assert find_key(layout, "?!") is None
