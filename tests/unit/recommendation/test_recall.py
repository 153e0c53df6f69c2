"""How a service of tables answers: which rows it asks for, how it merges, filters and falls back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.recall import (
    EVERYBODY,
    MAX_HISTORY,
    PLAN,
    RecallPlan,
    Source,
    excluded_items,
    first_rows,
    merged,
    next_rows,
    recalled,
)

CF = Source("cf", "collaborative_filtering", 3, {"user_item": "user_item", "item_item": "item_item"})
EXACT = Source("exact", "collaborative_filtering", 3, {**CF.tables, "user_recommended": "user_recommended"})
TOPICS = Source("topics", "semantic", 10, {"user_topic": "user_topic", "topic_item": "topic_item"})
EDITORS = Source("editors", "custom", 2, {"item": "editors.item"}, weight=0.5)
ROWS = {
    ("user_item", "u"): [("a", 2.0), ("b", 1.0)],
    ("item_item", "a"): [("x", 0.5), ("y", 0.1)],
    ("item_item", "b"): [("y", 1.0), ("z", 0.2)],
    ("user_topic", "u"): [("sea", 0.7), ("sky", 0.3)],
    ("topic_item", "sea"): [("x", 10.0)],
    ("topic_item", "sky"): [("w", 30.0)],
    ("editors.item", EVERYBODY): [("e", 1.0), ("x", 1.0), ("f", 1.0)],
    ("filter.sold", EVERYBODY): [("y", 1.0)],
    ("filter.back", "u"): [("z", 1.0)],
}


def test_collaborative_filtering_sums_the_neighbours_of_a_users_items():
    assert recalled(CF, "u", ROWS, set()) == [("y", 0.2 + 1.0), ("x", 1.0), ("z", 0.2)]
    assert recalled(CF, "stranger", ROWS, set()) == []


def test_topics_lead_to_their_items():
    assert recalled(TOPICS, "u", ROWS, set()) == [("w", 9.0), ("x", 7.0)]


def test_a_recall_count_is_filled_after_the_filters():
    assert [item for item, _ in recalled(EDITORS, "u", ROWS, {"e"})] == ["x", "f"]


def test_a_list_that_was_made_for_the_user_needs_no_second_read():
    rows = ROWS | {("user_recommended", "u"): [("m", 3.0), ("n", 2.0)]}
    assert next_rows(EXACT, "u", rows) == []
    assert recalled(EXACT, "u", rows, {"m"}) == [("n", 2.0)]
    assert next_rows(EXACT, "u", ROWS) == [("item_item", "a"), ("item_item", "b")], "a user who came later"


def test_of_a_long_history_the_first_items_are_looked_up():
    rows = {("user_item", "u"): [(f"i{n}", 1.0) for n in range(500)]}
    assert len(next_rows(CF, "u", rows)) == MAX_HISTORY


def test_everything_that_is_known_beforehand_is_read_at_once():
    plan = RecallPlan([EXACT, TOPICS, EDITORS], ["filter.back"], ["filter.sold"], seen="user_item")
    assert set(first_rows(plan, "u")) == {
        (PLAN, EVERYBODY), ("user_item", "u"), ("user_recommended", "u"), ("user_topic", "u"), ("editors.item", EVERYBODY),
        ("filter.back", "u"), ("filter.sold", EVERYBODY),
    }  # fmt: skip


def test_filters_take_away_what_the_user_had_and_what_they_list():
    plan = RecallPlan([CF], ["filter.back"], ["filter.sold"], seen="user_item")
    assert excluded_items(plan, "u", ROWS) == {"a", "b", "y", "z"}
    assert excluded_items(plan, "stranger", ROWS) == {"y"}


def test_weighted_merging_adds_shares_and_names_whoever_adds_most():
    lists = [(CF, [("y", 4.0), ("x", 2.0)]), (EDITORS, [("x", 9.0), ("e", 3.0)])]
    assert [(f.item, f.strategy) for f in merged(lists, "weighted")] == [("y", "cf"), ("x", "cf"), ("e", "editors")]


def test_by_turns_each_strategy_gives_its_next_item():
    lists = [(CF, [("y", 4.0), ("x", 2.0)]), (EDITORS, [("x", 9.0), ("e", 3.0), ("f", 1.0)])]
    found = [(f.item, f.strategy) for f in merged(lists, "round_robin")]
    assert found == [("y", "cf"), ("x", "editors"), ("e", "editors"), ("f", "editors")]


SCORED = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 10)), unique_by=lambda pair: pair[0], max_size=8)


@given(SCORED, SCORED, st.sampled_from(["weighted", "round_robin"]))
def test_merging_keeps_every_item_once(one, other, merge):
    found = [f.item for f in merged([(CF, one), (EDITORS, other)], merge)]
    assert sorted(found) == sorted({item for item, _ in [*one, *other]})


def test_a_plan_survives_its_text():
    plan = RecallPlan([EXACT, EDITORS], ["filter.back"], [], seen=None)
    assert RecallPlan.from_text(plan.to_text()) == plan
