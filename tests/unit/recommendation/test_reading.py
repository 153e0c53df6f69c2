"""Columns recognised by their names, files joined, and what cannot be used told."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.recommendation import RECOMMENDATION
from droplearn.scenarios.recommendation.columns import Wanted, roles_of
from droplearn.scenarios.recommendation.reading import check_enough, read_drop, split_topics
from droplearn.scenarios.tables.source import TableSource


def drop(wanted: Wanted | None = None, min_weight: float | None = None, **files: str | bytes):
    sources = [TableSource(name.replace("_dot_", "."), body.encode() if isinstance(body, str) else body) for name, body in files.items()]
    return read_drop(sources, wanted or Wanted(), min_weight)


def pairs(found) -> set[tuple[str, str]]:
    log = found.log
    return {(log.users[u], log.items[i]) for u, i in zip(log.user.tolist(), log.item.tolist(), strict=True)}


@pytest.mark.parametrize(
    ("names", "user", "item", "weight", "time"),
    [
        (["user_id", "item_id", "active_type", "active_date"], "user_id", "item_id", "active_type", "active_date"),
        (["userId", "movieId", "rating", "timestamp"], "userId", "movieId", "rating", "timestamp"),
        (["product", "user"], "user", "product", None, None),
        (["Time", "Customer ID", "SKU", "quantity"], "Customer ID", "SKU", "quantity", "Time"),
    ],
)
def test_usual_names_are_recognised(names, user, item, weight, time):
    roles = roles_of("log.csv", names, Wanted())
    assert (roles.user, roles.item, roles.weight, roles.time) == (user, item, weight, time)


def test_options_overrule_names():
    roles = roles_of("log.csv", ["user_id", "item_id", "buyer", "thing", "n"], Wanted(user="buyer", item="thing", weight="n"))
    assert (roles.user, roles.item, roles.weight) == ("buyer", "thing", "n")


@pytest.mark.parametrize(
    ("body", "code"), [("who,item_id\na,1\n", "dataset.no_user_column"), ("user_id,what\na,1\n", "dataset.no_item_column")]
)
def test_a_missing_column_is_named_with_those_that_there_are(body: str, code: str):
    with pytest.raises(InvalidDataset) as caught:
        drop(log_dot_csv=body)
    assert caught.value.code == code
    assert body.split("\n")[0].replace(",", ", ") in caught.value.message
    assert "option" in caught.value.hint


def test_several_files_are_one_log_and_items_bring_topics():
    table = pa.table({"user": pa.array([1, 2]), "item": pa.array([7.0, 8.0]), "time": pa.array([1, 2])})
    parquet = io.BytesIO()
    pq.write_table(table, parquet)
    found = drop(
        a_dot_csv="userId,movieId,rating\nu1,7,3\nu2,8,4\n",
        b_dot_parquet=parquet.getvalue(),
        movies_dot_csv='movieId,title,genres\n7,"A, b",Comedy|Drama\n8,C,(no genres listed)\n9,D,Drama\n',
    )
    assert pairs(found) == {("u1", "7"), ("u2", "8"), ("1", "7"), ("2", "8")}, "whole numbers are the same name in CSV and Parquet"
    assert found.topics == {"7": ["Comedy", "Drama"], "9": ["Drama"]}
    assert found.log.time is None, "one file has none"


def test_of_a_pair_that_comes_twice_the_latest_counts():
    found = drop(log_dot_csv="user,item,rating,time\na,x,5,20\na,x,1,10\nb,x,2,1\nb,x,3,1\n")
    assert found.log.weight.tolist() == [5, 3]
    assert drop(log_dot_csv="user,item\na,x\na,x\nb,x\n").log.weight.tolist() == [2, 1], "without weights they are counted"


def test_kinds_of_actions_are_no_magnitudes_but_can_be_left_out():
    body = "user_id,item_id,active_type,active_date\na,x,0,2020-01-01\na,y,1,2020-01-02\nb,y,2,2020-01-03 10:00:00\n"
    found = drop(log_dot_csv=body)
    assert (len(found.log), found.log.is_weighted) == (3, False)
    assert any("kinds of actions" in note for note in found.notes)
    assert np.diff(found.log.time)[0] == 86_400
    bought = drop(min_weight=1, log_dot_csv=body)
    assert pairs(bought) == {("a", "y"), ("b", "y")}
    assert bought.left_out == {"of too small a weight": 1}


def test_words_for_weights_and_unreadable_times_are_told_and_not_used():
    found = drop(log_dot_csv="user,item,score,time\na,x,much,whenever\nb,y,little,sometime\n")
    assert found.log.time is None
    assert not found.log.is_weighted
    assert len([note for note in found.notes if "no numbers" in note or "cannot be read" in note]) == 2


def test_rows_without_a_user_or_with_too_few_cells_are_counted():
    found = drop(log_dot_csv=f"user,item\na,x\n,y\nb\n{'c' * 300},z\nd,w\n")
    assert pairs(found) == {("a", "x"), ("d", "w")}
    assert found.left_out == {"without user or item": 2, "with another number of cells than the header": 1}


def test_too_little_to_learn_from_is_told_in_numbers():
    with pytest.raises(InvalidDataset, match="2 pairs") as caught:
        check_enough(drop(log_dot_csv="user,item\na,x\na,y\n").log, 20, 2, 3)
    assert caught.value.code == "dataset.too_few_examples"


def test_topics_are_parted_by_bars_or_commas():
    assert split_topics("Comedy|Drama, dark") == ["Comedy", "Drama, dark"]
    assert split_topics(" a, b ,a,") == ["a", "b"]


def test_tables_are_examples_and_nothing_else_is():
    assert RECOMMENDATION.recognise("2024/log.CSV", 10).status == "labelled"
    assert RECOMMENDATION.recognise("cat/1.jpg", 10).reason == "not_a_table"
    assert RECOMMENDATION.recognise("log.parquet", 0).reason == "empty_file"


def test_an_option_that_names_a_column_which_is_not_there_is_told():
    for wanted, code in ((Wanted(weight="n"), "dataset.no_weight_column"), (Wanted(time="t"), "dataset.no_time_column")):
        with pytest.raises(InvalidDataset) as caught:
            drop(wanted, log_dot_csv="user,item\na,x\n")
        assert caught.value.code == code
