"""The forms of the tables: what the trainer writes, the control plane reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.contracts import recommendation
from droplearn.contracts.recommendation import escaped, parse_ids, weighted_ids
from droplearn.scenarios.recommendation.recommenders.neighbours import fit_neighbours, rp3beta
from droplearn.scenarios.recommendation.recommenders.popularity import Popularity, popularity_of
from droplearn.scenarios.recommendation.training import table_files
from droplearn.scenarios.recommendation.training.topic_tables import Topics
from tests.unit.recommendation.logs import random_log

LOG = random_log()
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name.strip() == name)


@given(st.lists(st.tuples(NAMES, st.floats(0.001, 1000)), max_size=8))
def test_a_list_with_weights_comes_back(pairs: list[tuple[str, float]]):
    found = parse_ids(weighted_ids(pairs))
    assert [name for name, _ in found] == [name for name, _ in pairs]
    assert np.allclose([weight for _, weight in found], [weight for _, weight in pairs], rtol=1e-3)


@given(st.lists(NAMES, max_size=8))
def test_a_list_without_weights_comes_back(names: list[str]):
    assert parse_ids(",".join(escaped(name) for name in names)) == [(name, 1.0) for name in names]


@given(st.text(alphabet="ab:,%3A .1-e", max_size=20))
def test_the_fast_way_reads_nothing_differently(text: str):
    quick = recommendation._parsed_plain(text)
    assert quick is None or quick == recommendation._parsed(text)


@pytest.mark.parametrize("text", ["a:nan", "a:inf,b:1", "a:1e400"])
def test_what_is_no_finite_number_is_no_weight(text: str):
    assert parse_ids(text)[0] == (text.split(",")[0], 1.0)


def test_the_forms_of_the_reference_are_read():
    assert parse_ids("17981042,19412678") == [("17981042", 1.0), ("19412678", 1.0)]
    assert parse_ids("7484728:1,16966098:0.5") == [("7484728", 1.0), ("16966098", 0.5)]
    assert parse_ids("sku:red, b ,,") == [("sku:red", 1.0), ("b", 1.0)], "what is no number belongs to the id"
    assert parse_ids("") == []


def rows(texts) -> dict[str, list[tuple[str, float]]]:
    return {name: parse_ids(text) for name, text in texts}


def test_user_item_holds_each_users_items_the_latest_first():
    found = rows(table_files.user_item(LOG))
    for user, name in enumerate(LOG.users):
        own = np.flatnonzero(LOG.user == user)
        latest = own[np.argsort(-LOG.time[own])]
        assert found[name] == [(LOG.items[LOG.item[n]], float(LOG.weight[n])) for n in latest]


def test_item_item_holds_neighbours_the_best_first():
    (model,) = fit_neighbours(LOG.matrix(), [rp3beta(0.3)], 4, lambda: None, divides_by_length=True)
    found = rows(table_files.item_item(LOG, model.weights))
    for place, name in enumerate(LOG.items):
        weights = [weight for _, weight in found[name]]
        assert len(weights) <= 4
        assert weights == sorted(weights, reverse=True)
        assert name not in dict(found[name])
        assert np.isclose(weights[0], model.weights[place].max(), rtol=1e-3)


def test_users_are_recommended_what_the_model_ranks_first():
    matrix = LOG.matrix()
    popularity = popularity_of(matrix)
    texts = table_files.user_recommended(LOG, Popularity(popularity), matrix, popularity, 10, excludes_history=True, check=lambda: None)
    found = rows(texts)
    known = dict(zip(LOG.items, popularity.tolist(), strict=True))
    for user, name in enumerate(LOG.users):
        had = {LOG.items[i] for i in LOG.item[LOG.user == user]}
        new = sorted((count for item, count in known.items() if item not in had), reverse=True)
        assert [known[item] for item, _ in found[name]] == new[:10], "equally popular ones in any order"
        assert not had & {item for item, _ in found[name]}


def test_topics_of_users_are_shares_and_topics_list_their_items_by_use():
    topics = {name: ["even" if n % 2 == 0 else "odd"] + (["third"] if n % 3 == 0 else []) for n, name in enumerate(LOG.items)}
    made = Topics(LOG, topics)
    users = rows(made.user_topic(LOG.matrix()))
    own = [LOG.items[i] for i in LOG.item[LOG.user == 0]]
    share = sum(1 / len(topics[item]) for item in own if "even" in topics[item]) / len(own)
    assert np.isclose(dict(users["u0"])["even"], share, rtol=1e-3)
    assert all(np.isclose(sum(weight for _, weight in row), 1, atol=1e-2) for row in users.values())
    popularity = popularity_of(LOG.matrix())
    items = rows(made.topic_item(popularity))
    assert set(items) == {"even", "odd", "third"}
    expected = {name: popularity[n] / len(topics[name]) for n, name in enumerate(LOG.items) if "odd" in topics[name]}
    assert items["odd"][0][1] == np.float32(f"{max(expected.values()):.4g}")


def test_a_file_has_one_json_object_a_line_with_the_columns_of_its_form():
    file = table_files.table_file("item_item", [("a", "b:1"), ("ä", "c")])
    assert [json.loads(line) for line in file.content.splitlines()] == [
        {"item_id": "a", "similar_item_ids": "b:1"},
        {"item_id": "ä", "similar_item_ids": "c"},
    ]
    assert dict(table_files.row_counts([file])) == {"item_item": 2}
