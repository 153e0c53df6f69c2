"""Ids sort in the order in which they were made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from droplearn.contracts.ids import new_id


def test_ids_of_one_process_sort_in_their_order_however_fast_they_are_made():
    made = [new_id("task") for _ in range(2000)]
    assert made == sorted(set(made))


def test_ids_made_by_several_threads_at_once_are_all_different():
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id("task"), range(2000)))
    assert len(set(made)) == 2000
